/** Closes a part, and waits for it if it is a promise; what it throws is thrown by {@link Parts.close}. */
type Close = () => unknown;

/** The parts of a program, opened one after the other. They are closed in reverse order, each also when closing another one fails. */
export class Parts {
  readonly #open: Close[] = [];

  /** Registers a part that was just opened, and returns it. */
  add<T>(part: T, close: (part: T) => unknown): T {
    this.#open.push(() => close(part));
    return part;
  }

  /** Throws the first error, after all parts were closed. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#open.pop(); close; close = this.#open.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
