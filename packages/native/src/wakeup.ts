import { writeSync } from 'node:fs';
import { type Binding, binding } from './binding.js';
import { nativeError } from './native-error.js';

const SIGNAL = new Uint8Array(new BigUint64Array([1n]).buffer);

/** Ends the wait of a queue's `receive` in another thread: an eventfd. */
export class Wakeup {
  static readonly #forgotten = new FinalizationRegistry<number>((fd) => binding().closeDescriptor(fd));

  readonly #binding: Binding;
  /** To be given to {@link Queue.open}, in whatever thread. */
  readonly fd: number;

  constructor() {
    this.#binding = binding();
    try {
      this.fd = this.#binding.eventfd();
    } catch (error) {
      throw nativeError(error);
    }
    Wakeup.#forgotten.register(this, this.fd, this);
  }

  signal(): void {
    writeSync(this.fd, SIGNAL);
  }

  close(): void {
    Wakeup.#forgotten.unregister(this);
    this.#binding.closeDescriptor(this.fd);
  }
}
