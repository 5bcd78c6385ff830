/** Closes a part. A promise is awaited; errors are thrown by {@link Parts.close}. */
type Close = () => unknown;

/** The parts of a program, opened one after the other. They are closed in reverse order, all of them even if closing one fails. */
export class Parts {
  readonly #open: Close[] = [];

  /** Registers a part that was just opened, and returns it. */
  add<T>(part: T, close: (part: T) => unknown): T {
    this.#open.push(() => close(part));
    return part;
  }

  /** Closes all parts, then throws the first error, if any. */
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
