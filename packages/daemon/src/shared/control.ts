/** What workers are to do. */
export const Order = {
  /** Balance. */
  Run: 0,
  /** Answer the packets that wait, and end. */
  Stop: 1,
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
  static readonly #SOCKETS = 2;

  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** For this many workers, which wait for an order first. */
  static create(workers: number): Control {
    const control = new Control(new SharedArrayBuffer((Control.#SOCKETS + workers) * Int32Array.BYTES_PER_ELEMENT));
    control.#words.fill(-1, Control.#SOCKETS);
    control.order = Order.Pause;
    return control;
  }

  /** In a worker: that of the main thread. */
  static of(memory: SharedArrayBuffer): Control {
    return new Control(memory);
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

  /** Descriptor of a queue's socket that another process has bound; −1 to bind one. For a worker before its first order to run. */
  socketOf(worker: number): number {
    return Atomics.load(this.#words, Control.#SOCKETS + worker);
  }

  setSocket(worker: number, fd: number): void {
    Atomics.store(this.#words, Control.#SOCKETS + worker, fd);
  }

  /** Incremented when a table was replaced: workers must map the new one. */
  get tableEpoch(): number {
    return Atomics.load(this.#words, Control.#TABLE);
  }

  renewTable(): void {
    Atomics.add(this.#words, Control.#TABLE, 1);
  }
}
