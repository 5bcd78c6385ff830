import { compareFlows, encapsulationOf, type Flow } from './flow.js';

/** The flows that are defined, by name. `compileFlows` makes of them what packets are looked up in. */
export class FlowSet {
  readonly #flows = new Map<string, Flow>();
  #order: readonly Flow[] | undefined;

  constructor(flows: Iterable<Flow> = []) {
    for (const flow of flows) this.define(flow);
  }

  /** Flows that users defined. */
  get size(): number {
    return this.#flows.size;
  }

  /** In no order. */
  [Symbol.iterator](): Iterator<Flow> {
    return this.#flows.values();
  }

  get(name: string): Flow | undefined {
    return this.#flows.get(name);
  }

  /** Adds a flow, or puts it in the place of the one that has its name. Returns the one that it replaces. */
  define(flow: Flow): Flow | undefined {
    const before = this.#flows.get(flow.name);
    this.#flows.set(flow.name, flow);
    this.#order = undefined;
    return before;
  }

  /** Returns the flow that was there, if there was one. */
  delete(name: string): Flow | undefined {
    const before = this.#flows.get(name);
    if (this.#flows.delete(name)) this.#order = undefined;
    return before;
  }

  /** All flows, with those that lead to the flows of encapsulated SCTP; the first that matches a packet wins. */
  inOrder(): readonly Flow[] {
    this.#order ??= [...this.#flows.values()].flatMap((flow) => [encapsulationOf(flow) ?? [], flow].flat()).sort(compareFlows);
    return this.#order;
  }
}
