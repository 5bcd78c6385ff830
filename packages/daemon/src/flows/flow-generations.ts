/** A compiled flow set on its way to the workers. */
export interface FlowGeneration {
  /** Starts at 1. */
  readonly number: number;
  /** Result of `compileFlows`. */
  readonly flows: SharedArrayBuffer;
  /** For each worker, as doubles: matched packets by flow, then matched octets by flow. */
  readonly counts: SharedArrayBuffer;
  /** Number of flows. */
  readonly count: number;
}

/**
 * Memory for the counts of this many flows, all 0.
 *
 * @param spare reused if it is large enough
 */
export function flowCountsMemory(workers: number, flows: number, spare?: SharedArrayBuffer): SharedArrayBuffer {
  const octets = workers * 2 * flows * Float64Array.BYTES_PER_ELEMENT;
  if (spare === undefined || spare.byteLength < octets) return new SharedArrayBuffer(octets);
  new Uint8Array(spare, 0, octets).fill(0);
  return spare;
}

/** A worker's part of a generation's counts, by flow. */
export function flowCountsOf(
  { counts, count }: FlowGeneration,
  worker: number,
): { readonly matches: Float64Array; readonly octets: Float64Array } {
  const row = (number: number): Float64Array => new Float64Array(counts, number * count * Float64Array.BYTES_PER_ELEMENT, count);
  return { matches: row(2 * worker), octets: row(2 * worker + 1) };
}

/** The newest generation and the one that each worker uses, in memory shared with the main thread. */
export class GenerationBoard {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param workers their number; in a worker, the memory of the main thread's board */
  constructor(workers: number | SharedArrayBuffer) {
    this.memory = typeof workers === 'number' ? new SharedArrayBuffer((1 + workers) * Int32Array.BYTES_PER_ELEMENT) : workers;
    this.#words = new Int32Array(this.memory);
  }

  get newest(): number {
    return Atomics.load(this.#words, 0);
  }

  set newest(generation: number) {
    Atomics.store(this.#words, 0, generation);
  }

  /** Called by a worker that has switched to this generation and uses no older one. */
  confirm(worker: number, generation: number): void {
    Atomics.store(this.#words, 1 + worker, generation);
  }

  /** The oldest generation that any worker uses. */
  get oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let worker = 1; worker < this.#words.length; worker++) oldest = Math.min(oldest, Atomics.load(this.#words, worker));
    return oldest;
  }
}
