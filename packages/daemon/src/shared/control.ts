/** What the main thread tells its workers, in memory that they share: read between two batches. */
export class Control {
  static readonly #STOP = 0;
  static readonly #TABLE = 1;

  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory of the main thread's control, in a worker; absent in the main thread */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Whether to stop: answer what was taken, take no more. */
  get stopping(): boolean {
    return Atomics.load(this.#words, Control.#STOP) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, Control.#STOP, 1);
  }

  /** Grows when the table's name leads to another table than before: map that one. */
  get tableEpoch(): number {
    return Atomics.load(this.#words, Control.#TABLE);
  }

  renewTable(): void {
    Atomics.add(this.#words, Control.#TABLE, 1);
  }
}
