import type { WriteStream } from 'node:tty';

/** Columns of the bar itself. */
const WIDTH = 40;
/** Milliseconds until the bar first appears, and between updates; a short replay shows no bar. */
const INTERVAL_MS = 200;

/** One-line progress bar on a terminal, for long replays. */
export class ProgressBar {
  readonly #terminal: WriteStream;
  #shownAt: number;
  #shown = false;

  /** @param now milliseconds, by the same clock as in {@link update} */
  constructor(terminal: WriteStream, now: number) {
    this.#terminal = terminal;
    this.#shownAt = now;
  }

  /**
   * @param progress from 0 to 1; `undefined` when unknown
   * @param packets replayed so far
   */
  update(progress: number | undefined, packets: number, now: number): void {
    if (now - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = now;
    this.#shown = true;
    const done = Math.round((progress ?? 0) * WIDTH);
    const bar = progress === undefined ? '' : `[${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${Math.floor(progress * 100)}%  `;
    this.#terminal.write(`\r${bar}${packets.toLocaleString('en-US')} packets`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#shown) this.#terminal.write('\r\x1b[K');
  }
}
