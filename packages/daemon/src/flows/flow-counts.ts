import type { Count } from '@nfqlb/protocol/status';
import { type FlowGeneration, flowCountsOf } from './flow-generations.js';

/** Match counts of flows: in generations that workers may still write to, and in older ones. Belongs to the main thread. */
export class FlowCounts {
  readonly #workers: number;
  /** Generations whose counters workers may still write to, newest last; flow names by index, `undefined` for deleted flows. */
  #generations: { readonly generation: FlowGeneration; readonly names: (string | undefined)[] }[] = [];
  /** By name: counts from generations that no worker uses any more. */
  readonly #retired = new Map<string, Count>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** @param names of its flows, by index */
  add(generation: FlowGeneration, names: readonly string[]): void {
    this.#generations.push({ generation, names: [...names] });
  }

  /**
   * Adds up the counts of generations before `oldest`, which no worker uses any more.
   *
   * @returns these generations; their memory can be reused
   */
  retire(oldest: number): FlowGeneration[] {
    const used = this.#generations.findIndex(({ generation: { number } }) => number >= oldest);
    const retired = this.#generations.splice(0, Math.max(used, 0));
    for (const { generation, names } of retired) this.#addTo(this.#retired, generation, names);
    return retired.map(({ generation }) => generation);
  }

  /** Drops a flow's counts: if it is defined again, it counts from 0. */
  forget(flow: string): void {
    this.#retired.delete(flow);
    for (const { names } of this.#generations) {
      const index = names.indexOf(flow);
      if (index >= 0) names[index] = undefined;
    }
  }

  /** By name. A flow without matches may be missing. */
  all(): Map<string, Count> {
    const counts = new Map(this.#retired);
    for (const { generation, names } of this.#generations) this.#addTo(counts, generation, names);
    return counts;
  }

  #addTo(counts: Map<string, Count>, generation: FlowGeneration, names: readonly (string | undefined)[]): void {
    for (let worker = 0; worker < this.#workers; worker++) {
      const { matches, octets } = flowCountsOf(generation, worker);
      for (const [flow, name] of names.entries()) {
        if (name === undefined || matches[flow] === 0) continue;
        const before = counts.get(name);
        counts.set(name, { packets: (before?.packets ?? 0) + matches[flow]!, octets: (before?.octets ?? 0) + octets[flow]! });
      }
    }
  }
}
