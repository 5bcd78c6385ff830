import { TargetTable } from '@nfqlb/core';
import { type Flow, FlowSet, isEncapsulation } from '@nfqlb/core/flows';

/** Finds the memory of a table by name; `undefined` if there is none. */
export type FindTable = (name: string) => ArrayBuffer | undefined;

/** Tables and flows that decide about packets. They are copies: changing them does not affect the running load balancer. */
export class Situation {
  /** The flows; absent if one table is for all packets. */
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

  /** A copy that can be changed independently. */
  copy(): Situation {
    const find: FindTable = (name) => this.#memoryOf(name)?.slice(0);
    return this.flows ? Situation.ofFlows(this.definedFlows(), find) : Situation.ofTable(this.table!, find);
  }

  /** The same tables, and all flows but one. */
  without(flow: string): Situation {
    const others = this.definedFlows().filter(({ name }) => name !== flow);
    return Situation.ofFlows(others, (name) => this.#memoryOf(name));
  }

  /** User-defined flows, in matching order. */
  definedFlows(): Flow[] {
    return this.flows?.inOrder().filter((flow) => !isEncapsulation(flow)) ?? [];
  }

  /** Names of the tables looked up so far. */
  get tables(): readonly string[] {
    return [...this.#tables.keys()];
  }

  /** A view of the table of that name. */
  tableOf(name: string): TargetTable | undefined {
    const memory = this.#memoryOf(name);
    return memory && TargetTable.open(memory);
  }

  /** Replaces the table of that name. */
  replaceTable(name: string, memory: ArrayBuffer): void {
    this.#tables.set(keyOf(name), memory);
  }

  #memoryOf(name: string): ArrayBuffer | undefined {
    const key = keyOf(name);
    if (!this.#tables.has(key)) this.#tables.set(key, this.#find(name));
    return this.#tables.get(key);
  }
}

/** Like shm_open(3), ignores a leading slash. */
function keyOf(name: string): string {
  return name.replace(/^\//, '');
}
