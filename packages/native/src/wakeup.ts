import { binding, type WakeupBinding } from './binding.js';
import { nativeError } from './native-error.js';

/** Ends the wait of a queue's `receive` in another thread: an eventfd. One for each queue, whose `receive` takes the signal. */
export class Wakeup {
  readonly #wakeup: WakeupBinding;
  /** To be given to {@link Queue}, in whatever thread. */
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

  /** Of several signals before the queue's thread comes to it, it sees one. */
  signal(): void {
    try {
      this.#wakeup.signal();
    } catch (error) {
      throw nativeError('wake-up', error);
    }
  }

  /** A queue that was given {@link fd} keeps its own descriptor. */
  close(): void {
    this.#wakeup.close();
  }
}
