/** Commands of the main thread to its workers, in shared memory. Workers read it between two batches. */
export class Control {
  static readonly #STOP = 0;
  static readonly #TABLE = 1;

  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory in a worker, that of the main thread's `Control`; absent in the main thread */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Whether to stop: finish the packets already received, receive no more. */
  get stopping(): boolean {
    return Atomics.load(this.#words, Control.#STOP) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, Control.#STOP, 1);
  }

  /** Incremented when a table was replaced: workers must map the new one. */
  get tableEpoch(): number {
    return Atomics.load(this.#words, Control.#TABLE);
  }

  renewTable(): void {
    Atomics.add(this.#words, Control.#TABLE, 1);
  }
}
