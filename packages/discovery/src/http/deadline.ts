/**
 * A signal that ends with another one, or after a time. (`AbortSignal.any` keeps a reference for each signal that it ever made of a long-lived one.)
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => this.#controller.abort();
  #isLate = false;

  /** @param timeout in milliseconds */
  constructor(parent: AbortSignal, timeout: number) {
    this.#parent = parent;
    if (parent.aborted) this.#abort();
    parent.addEventListener('abort', this.#abort);
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#abort();
    }, timeout);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the time was over first. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** There is no time limit any more. */
  begun(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener('abort', this.#abort);
  }
}
