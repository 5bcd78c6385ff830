/** Buffers to keep: those of generations that workers have just left. */
const MAX_SPARES = 4;

/**
 * Shared memory for reuse. V8 does not account for it: unreferenced buffers would stay until each thread that has seen them happens to collect
 * garbage, and a worker creates none. Without reuse, redefining flows again and again took gigabytes.
 */
export class SpareMemory {
  /** Largest last. */
  readonly #spares: SharedArrayBuffer[] = [];

  /** Keeps memory that is no longer used. */
  give(memory: SharedArrayBuffer): void {
    this.#spares.push(memory);
    this.#spares.sort((a, b) => a.byteLength - b.byteLength);
    if (this.#spares.length > MAX_SPARES) this.#spares.shift();
  }

  /** Returns the largest spare buffer, with arbitrary contents; `undefined` if there is none. */
  take(): SharedArrayBuffer | undefined {
    return this.#spares.pop();
  }
}
