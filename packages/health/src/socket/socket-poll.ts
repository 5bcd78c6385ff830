import { PollSet } from '@nfqlb/native';
import { atTick } from '../tick.js';

/** `failed`: the socket has an error. */
export type WaitEnd = 'ready' | 'failed' | 'late' | 'aborted';

interface Wait {
  readonly fd: number;
  readonly until: 'readable' | 'writable';
  /** ms of `performance.now` */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly resolve: (end: WaitEnd) => void;
}

/** Waits for many sockets, with one poll(2) a tick for all of them. */
export class SocketPoll {
  readonly #set = new PollSet();
  #waits: Wait[] = [];
  /** Prevents the next look; `undefined` if there is none. */
  #cancel: (() => void) | undefined;

  /**
   * Waits until a socket can be read or written, or has an error. It is looked at once more before it is late: an answer that is there counts, even if
   * this process was stopped meanwhile.
   *
   * @param deadline ms of `performance.now`
   */
  wait(fd: number, until: Wait['until'], deadline: number, signal: AbortSignal): Promise<WaitEnd> {
    return new Promise((resolve) => {
      this.#waits.push({ fd, until, deadline, signal, resolve });
      this.#cancel ??= this.#lookSoon();
    });
  }

  close(): void {
    this.#cancel?.();
  }

  #look(): void {
    const waits = this.#waits;
    // Read before looking: what is ready afterwards came in time.
    const now = performance.now();
    this.#set.clear();
    for (const { fd, until } of waits) this.#set.add(fd, until);
    this.#set.look();
    this.#waits = waits.filter((wait, i) => {
      const end = this.#endOf(wait, i, now);
      if (end) wait.resolve(end);
      return end === undefined;
    });
    this.#cancel = this.#waits.length > 0 ? this.#lookSoon() : undefined;
  }

  #endOf({ signal, deadline }: Wait, i: number, now: number): WaitEnd | undefined {
    if (signal.aborted) return 'aborted';
    if (this.#set.isReady(i)) return this.#set.hasError(i) ? 'failed' : 'ready';
    return now >= deadline ? 'late' : undefined;
  }

  #lookSoon(): () => void {
    return atTick(performance.now() + 1, () => this.#look());
  }
}
