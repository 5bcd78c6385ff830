import { TargetTable } from '@nfqlb/core';
import { type Flow, FlowSet, isEncapsulation } from '@nfqlb/core/flows';

/** Finds the memory of a table by its name; `undefined` where there is none. */
export type FindTable = (name: string) => ArrayBuffer | undefined;

/** Tables and flows that packets are decided by, apart from those of the running load balancer: what happens to these does not reach it. */
export class Situation {
  /** The flows; absent where all packets go by one table. */
  readonly flows: FlowSet | undefined;
  /** Name of that table. */
  readonly table: string | undefined;
  readonly #find: FindTable;
  readonly #tables = new Map<string, ArrayBuffer | undefined>();

  private constructor(choice: FlowSet | string, find: FindTable) {
    if (typeof choice === 'string') this.table = choice;
    else this.flows = choice;
    this.#find = find;
  }

  static ofTable(table: string, find: FindTable): Situation {
    return new Situation(table, find);
  }

  static ofFlows(flows: Iterable<Flow>, find: FindTable): Situation {
    return new Situation(new FlowSet(flows), find);
  }

  /** The same, to be changed without changing this. */
  copy(): Situation {
    const find: FindTable = (name) => this.#memoryOf(name)?.slice(0);
    return this.flows ? Situation.ofFlows(this.definedFlows(), find) : Situation.ofTable(this.table!, find);
  }

  /** The same tables, and all flows but one. */
  without(flow: string): Situation {
    const others = this.definedFlows().filter(({ name }) => name !== flow);
    return Situation.ofFlows(others, (name) => this.#memoryOf(name));
  }

  /** Flows that users defined, the first to win first. */
  definedFlows(): Flow[] {
    return this.flows?.inOrder().filter((flow) => !isEncapsulation(flow)) ?? [];
  }

  /** Names of the tables that have been looked at. */
  get tables(): readonly string[] {
    return [...this.#tables.keys()];
  }

  /** A view of the table of that name. */
  tableOf(name: string): TargetTable | undefined {
    const memory = this.#memoryOf(name);
    return memory && TargetTable.open(memory);
  }

  /** Gives the name to another table. */
  replaceTable(name: string, memory: ArrayBuffer): void {
    this.#tables.set(keyOf(name), memory);
  }

  #memoryOf(name: string): ArrayBuffer | undefined {
    const key = keyOf(name);
    if (!this.#tables.has(key)) this.#tables.set(key, this.#find(name));
    return this.#tables.get(key);
  }
}

/** As shm_open(3) reads names: a slash before them is none of them. */
function keyOf(name: string): string {
  return name.replace(/^\//, '');
}
