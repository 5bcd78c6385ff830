import { binding, type WakeupBinding } from './binding.js';
import { nativeError } from './native-error.js';

/** Wakes up a queue's `receive` in another thread, through an eventfd. One per queue, as its `receive` consumes the signal. */
export class Wakeup {
  readonly #wakeup: WakeupBinding;
  /** To pass to {@link Queue}, in any thread. */
  readonly fd: number;

  /** @throws {@link NativeError} `EMFILE`, `ENFILE`, `ENOMEM` */
  constructor() {
    const { Wakeup: Native } = binding();
    try {
      this.#wakeup = new Native();
    } catch (error) {
      throw nativeError('wake-up', error);
    }
    this.fd = this.#wakeup.fd;
  }

  /** Several signals before the queue's thread reads them count as one. */
  signal(): void {
    try {
      this.#wakeup.signal();
    } catch (error) {
      throw nativeError('wake-up', error);
    }
  }

  /** A queue that was given {@link fd} keeps its own copy. */
  close(): void {
    this.#wakeup.close();
  }
}
