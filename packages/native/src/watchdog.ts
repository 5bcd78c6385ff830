import { binding, type WatchdogBinding } from './binding.js';
import { nativeError } from './native-error.js';

/**
 * Has the kernel kill this process (SIGKILL) unless {@link renew} is called in time. A second process is not needed for that: the timer is the
 * kernel's, so it also ends a process that is stopped (SIGSTOP) or frozen, and one whose thread that renews it hangs.
 */
export class Watchdog {
  readonly #watchdog: WatchdogBinding;

  /** It does not run until the first {@link renew}. A child process does not inherit it. */
  constructor() {
    const { Watchdog: Native } = binding();
    try {
      this.#watchdog = new Native();
    } catch (error) {
      throw nativeError('watchdog', error);
    }
  }

  /** Kills this process that many milliseconds from now, by a monotonic clock, unless this is called again or {@link close} is. */
  renew(milliseconds: number): void {
    if (!(milliseconds >= 1)) throw new RangeError(`milliseconds ${milliseconds}: must be at least 1`);
    try {
      this.#watchdog.renew(milliseconds);
    } catch (error) {
      throw nativeError('watchdog', error);
    }
  }

  close(): void {
    this.#watchdog.close();
  }
}
