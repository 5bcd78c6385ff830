/** Lets changes pass, many at a time; or holds them back while another process takes over. */
export class ChangeGate {
  readonly #underWay = new Set<Promise<unknown>>();
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => {};
  #refuse: (error: Error) => void = () => {};

  /** Makes a change, when the gate is open. Rejects if it will never be. */
  async pass<T>(change: () => T | Promise<T>): Promise<T> {
    await this.#opened;
    const done = Promise.resolve(change());
    this.#underWay.add(done);
    try {
      return await done;
    } finally {
      this.#underWay.delete(done);
    }
  }

  /** Resolves when nothing is under way. Later changes wait. */
  async close(): Promise<void> {
    this.#opened = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#refuse = reject;
    });
    // Perhaps none waits.
    this.#opened.catch(() => {});
    await Promise.allSettled(this.#underWay);
  }

  /** The changes that wait are made. */
  open(): void {
    this.#open();
  }

  /** The changes that wait, and all others, are refused. */
  refuse(reason: Error): void {
    this.#refuse(reason);
  }
}
