/** A compiled flow set on its way to the workers. */
export interface FlowGeneration {
  /** From 1 on. */
  readonly number: number;
  /** What `compileFlows` gave. */
  readonly flows: SharedArrayBuffer;
  /** By worker, as doubles: by flow the packets that matched, then by flow their octets. */
  readonly counts: SharedArrayBuffer;
  /** Flows of it. */
  readonly count: number;
}

/**
 * Memory for the counts of so many flows, all 0.
 *
 * @param spare used if it is long enough
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

/** Which generation is the newest, and which each worker has, in memory that they share with the main thread. */
export class GenerationBoard {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param workers how many there are; in a worker the memory of the main thread's board */
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

  /** A worker has taken up a generation, and uses none before it. */
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
