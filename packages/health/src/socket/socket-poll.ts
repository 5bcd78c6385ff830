import { PollSet } from '@nfqlb/native';
import { atTick } from '../tick.js';

interface Wait {
  readonly fd: number;
  readonly until: 'readable' | 'writable';
  /** ms of `performance.now` */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly resolve: (end: 'ready' | 'late' | 'aborted') => void;
}

/** Waits for many sockets, with one poll(2) a tick for all of them. */
export class SocketPoll {
  readonly #set = new PollSet();
  #waits: Wait[] = [];
  #timer: NodeJS.Timeout | undefined;

  /**
   * Waits until a socket can be read or written, or has an error. It is looked at once more before it is late: an answer that is there counts, even if
   * this process was stopped meanwhile.
   *
   * @param deadline ms of `performance.now`
   */
  wait(fd: number, until: Wait['until'], deadline: number, signal: AbortSignal): Promise<'ready' | 'late' | 'aborted'> {
    return new Promise((resolve) => {
      this.#waits.push({ fd, until, deadline, signal, resolve });
      this.#timer ??= this.#lookSoon();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const waits = this.#waits;
    // Read before looking: what is ready afterwards came in time.
    const now = performance.now();
    this.#set.clear();
    for (const { fd, until } of waits) this.#set.add(fd, until);
    this.#set.look();
    this.#waits = waits.filter((wait, i) => {
      const end = wait.signal.aborted ? 'aborted' : this.#set.isReady(i) ? 'ready' : now >= wait.deadline ? 'late' : undefined;
      if (end) wait.resolve(end);
      return end === undefined;
    });
    this.#timer = this.#waits.length > 0 ? this.#lookSoon() : undefined;
  }

  #lookSoon(): NodeJS.Timeout {
    return atTick(performance.now() + 1, () => this.#look());
  }
}
