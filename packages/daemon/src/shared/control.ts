/** What workers are to do. */
export const Order = {
  /** Balance. */
  Run: 0,
  /** Answer the packets that wait, and end. */
  Stop: 1,
  /** Balance, and let more packets wait than usual: this process has been away for a moment, or will be soon. */
  Endure: 4,
  /** Finish the batch, and wait for another order. */
  Pause: 2,
  /** End at once: another process has the queue. */
  Leave: 3,
} as const;

export type Order = (typeof Order)[keyof typeof Order];

/** Commands of the main thread to its workers, in shared memory. Workers read it between two batches. */
export class Control {
  static readonly #ORDER = 0;
  static readonly #TABLE = 1;

  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param memory in a worker, that of the main thread's `Control`; absent in the main thread: workers wait for an order first */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Int32Array(this.memory);
    if (!memory) this.order = Order.Pause;
  }

  get order(): Order {
    return Atomics.load(this.#words, Control.#ORDER) as Order;
  }

  set order(order: Order) {
    Atomics.store(this.#words, Control.#ORDER, order);
    Atomics.notify(this.#words, Control.#ORDER);
  }

  /** Waits while the order is to pause. */
  awaitOrder(): Order {
    while (this.order === Order.Pause) Atomics.wait(this.#words, Control.#ORDER, Order.Pause);
    return this.order;
  }

  /** Incremented when a table was replaced: workers must map the new one. */
  get tableEpoch(): number {
    return Atomics.load(this.#words, Control.#TABLE);
  }

  renewTable(): void {
    Atomics.add(this.#words, Control.#TABLE, 1);
  }
}
