import type { FlowTargets, FwmarkLookup } from '@nfqlb/core';
import { compileFlows, defineFlow, type FlowDefinition, FlowLookup, FlowSet } from '@nfqlb/core/flows';

/** Number of packets that matched a flow. */
export interface FlowTally {
  readonly name: string;
  readonly target: string;
  readonly packets: number;
}

/** Flows as in `nfqlb flowlb`, and the tables they lead to. */
export class ReplayedFlows {
  readonly #set = new FlowSet();
  readonly #tables: ReadonlyMap<string, FwmarkLookup>;
  readonly #promiscuousPing: boolean;
  /** Packets by flow name, counted up to the last change of the flows. */
  readonly #counted = new Map<string, number>();
  #targets: FlowTargets;

  /** @throws CoreError for an invalid definition. Each must lead to one of the tables */
  constructor(definitions: readonly FlowDefinition[], tables: ReadonlyMap<string, FwmarkLookup>, promiscuousPing: boolean) {
    this.#tables = tables;
    this.#promiscuousPing = promiscuousPing;
    for (const definition of definitions) this.#set.define(defineFlow(definition));
    this.#targets = this.#compile();
  }

  get targets(): FlowTargets {
    return this.#targets;
  }

  define(definition: FlowDefinition): void {
    this.#count();
    this.#set.define(defineFlow(definition));
    this.#targets = this.#compile();
  }

  /** Not an error if there is no such flow. */
  delete(name: string): void {
    this.#count();
    this.#set.delete(name);
    this.#counted.delete(name);
    this.#targets = this.#compile();
  }

  /** @param flow a flow number of {@link targets} */
  nameOf(flow: number): string {
    return this.#targets.lookup.nameOf(flow);
  }

  /** Name of the table that a flow of {@link targets} leads to. */
  tableOf(flow: number): string {
    const { lookup } = this.#targets;
    return lookup.targetNames[lookup.targetOf(flow)]!;
  }

  /** The current flows, highest precedence first. */
  tallies(): FlowTally[] {
    this.#count();
    return this.#set
      .inOrder()
      .filter(({ name }) => this.#set.get(name))
      .map(({ name, target }) => ({ name, target, packets: this.#counted.get(name) ?? 0 }));
  }

  /** Adds what other threads have matched. Flows that are gone count for nothing. */
  add(tallies: readonly FlowTally[]): void {
    this.#count();
    for (const { name, packets } of tallies) this.#counted.set(name, (this.#counted.get(name) ?? 0) + packets);
  }

  #count(): void {
    const { lookup, matches } = this.#targets;
    matches.forEach((packets, flow) => {
      const name = lookup.nameOf(flow);
      this.#counted.set(name, (this.#counted.get(name) ?? 0) + packets);
    });
    matches.fill(0);
  }

  #compile(): FlowTargets {
    const lookup = new FlowLookup(compileFlows(this.#set, { promiscuousPing: this.#promiscuousPing }));
    const [matches, octets] = [new Float64Array(lookup.count), new Float64Array(lookup.count)];
    return { lookup, tables: lookup.targetNames.map((name) => this.#tables.get(name)), matches, octets };
  }
}
