import { compareFlows, encapsulationOf, type Flow } from './flow.js';

/** The defined flows, by name. `compileFlows` compiles them for lookup. */
export class FlowSet {
  readonly #flows = new Map<string, Flow>();
  #order: readonly Flow[] | undefined;

  constructor(flows: Iterable<Flow> = []) {
    for (const flow of flows) this.define(flow);
  }

  /** Number of flows that users defined. */
  get size(): number {
    return this.#flows.size;
  }

  /** Iterates in no particular order. */
  [Symbol.iterator](): Iterator<Flow> {
    return this.#flows.values();
  }

  get(name: string): Flow | undefined {
    return this.#flows.get(name);
  }

  /** Adds a flow, or replaces the one with the same name. Returns the replaced flow. */
  define(flow: Flow): Flow | undefined {
    const before = this.#flows.get(flow.name);
    this.#flows.set(flow.name, flow);
    this.#order = undefined;
    return before;
  }

  /** Deletes a flow. Returns it, if it existed. */
  delete(name: string): Flow | undefined {
    const before = this.#flows.get(name);
    if (this.#flows.delete(name)) this.#order = undefined;
    return before;
  }

  /** All flows, encapsulation flows included, in order of precedence: the first match wins. */
  inOrder(): readonly Flow[] {
    this.#order ??= [...this.#flows.values()].flatMap((flow) => [encapsulationOf(flow) ?? [], flow].flat()).sort(compareFlows);
    return this.#order;
  }
}
