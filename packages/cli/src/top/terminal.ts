import { writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import type { ScreenLine, ScreenSize } from './screen.js';

// ECMA-48 and xterm.
/** The alternate screen, without cursor and line wrap. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const REST_OF_LINE = '\x1b[K';
const REST_OF_SCREEN = '\x1b[J';
const STYLE = { plain: '', heading: '\x1b[7m', alarm: '\x1b[1;7m' } as const;
const NO_STYLE = '\x1b[m';

const STDOUT = 1;

/** Callbacks for events of a terminal. */
export interface TerminalEvents {
  readonly key: (key: string) => void;
  /** The size has changed, or the screen was overwritten. */
  readonly redraw: () => void;
}

/** A terminal in full-screen mode. Its state is restored however the program ends, except by SIGKILL. */
export class Terminal {
  readonly #out: WriteStream;
  readonly #in: ReadStream | undefined;
  readonly #isStyled: boolean;
  readonly #events: TerminalEvents;
  #entered = false;

  /**
   * @param out stdout
   * @param input absent if keys cannot be read
   * @param isStyled whether lines may be highlighted
   */
  constructor(out: WriteStream, input: ReadStream | undefined, isStyled: boolean, events: TerminalEvents) {
    this.#out = out;
    this.#in = input;
    this.#isStyled = isStyled;
    this.#events = events;
  }

  get size(): ScreenSize {
    // A serial line may not know its size.
    return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 };
  }

  open(): void {
    process.on('exit', this.#leave);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#resume);
    this.#out.on('resize', this.#events.redraw);
    this.#in?.on('data', this.#handleKeys);
    this.#enter();
  }

  close(): void {
    this.#leave();
    process.off('exit', this.#leave);
    process.off('SIGTSTP', this.#suspend);
    process.off('SIGCONT', this.#resume);
    this.#out.off('resize', this.#events.redraw);
    this.#in?.off('data', this.#handleKeys);
    this.#in?.pause();
  }

  draw(lines: readonly ScreenLine[]): void {
    // Skips screens while a slow line is still busy with the previous one.
    if (!this.#entered || this.#out.writableNeedDrain) return;
    const written = lines.map(
      ({ text, style }) => (style === 'plain' || !this.#isStyled ? text : `${STYLE[style]}${text}${NO_STYLE}`) + REST_OF_LINE,
    );
    this.#out.write(HOME + written.join('\r\n') + REST_OF_SCREEN);
  }

  #enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#in?.setRawMode(true);
    this.#in?.resume();
    this.#out.write(ENTER);
  }

  /** Writes synchronously: the process may end right after. */
  readonly #leave = (): void => {
    if (!this.#entered) return;
    this.#entered = false;
    try {
      this.#in?.setRawMode(false);
      writeSync(STDOUT, LEAVE);
    } catch {
      // The terminal is gone.
    }
  };

  readonly #suspend = (): void => {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  };

  readonly #resume = (): void => {
    this.#enter();
    this.#events.redraw();
  };

  readonly #handleKeys = (octets: Buffer): void => {
    for (const key of octets.toString('latin1')) {
      // In raw mode, keys do not raise signals.
      if (key === '\x1a') this.#suspend();
      else this.#events.key(key);
    }
  };
}
