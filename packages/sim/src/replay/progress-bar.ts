import type { WriteStream } from 'node:tty';

/** Columns of the bar itself. */
const WIDTH = 40;
/** Shown from then on, and this often, in milliseconds: a short replay shows none. */
const INTERVAL = 200;

/** A bar on one line of a terminal, for a replay that takes a while. */
export class ProgressBar {
  readonly #terminal: WriteStream;
  #shownAt: number;
  #shown = false;

  /** @param now milliseconds, of the clock that {@link update} is given */
  constructor(terminal: WriteStream, now: number) {
    this.#terminal = terminal;
    this.#shownAt = now;
  }

  /**
   * @param progress from 0 to 1; `undefined` when it cannot be known
   * @param packets replayed so far
   */
  update(progress: number | undefined, packets: number, now: number): void {
    if (now - this.#shownAt < INTERVAL) return;
    this.#shownAt = now;
    this.#shown = true;
    const done = Math.round((progress ?? 0) * WIDTH);
    const bar = progress === undefined ? '' : `[${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${Math.floor(progress * 100)}%  `;
    this.#terminal.write(`\r${bar}${packets.toLocaleString('en-US')} packets`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#shown) this.#terminal.write('\r\x1b[K');
  }
}
