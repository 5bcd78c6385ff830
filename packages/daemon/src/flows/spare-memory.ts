/** Memory that is kept, at most: that of generations which workers have just left. */
const KEPT = 4;

/**
 * Shared memory that is used again. V8 does not count it: that of which nobody knows any more would stay until each thread that has seen it collects
 * garbage for another reason, and a worker makes none. Flows that are redefined again and again took gigabytes so.
 */
export class SpareMemory {
  /** The longest last. */
  readonly #spares: SharedArrayBuffer[] = [];

  /** Nobody uses this any more. */
  give(memory: SharedArrayBuffer): void {
    this.#spares.push(memory);
    this.#spares.sort((a, b) => a.byteLength - b.byteLength);
    if (this.#spares.length > KEPT) this.#spares.shift();
  }

  /** The longest that there is, whatever is in it. */
  take(): SharedArrayBuffer | undefined {
    return this.#spares.pop();
  }
}
