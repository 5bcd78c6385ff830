import type { WriteStream } from 'node:tty';
import { expect, test, vi } from 'vitest';
import { Terminal } from './terminal.js';

// Leaving the screen writes to stdout without the stream.
vi.mock('node:fs', () => ({ writeSync: () => {} }));

const LINES = [
  { text: 'TARGET', style: 'heading' },
  { text: 'not healthy', style: 'alarm' },
  { text: '101', style: 'plain' },
] as const;

/** What is written for {@link LINES}, from the upper left corner on. */
function drawn(isStyled: boolean): string {
  let written = '';
  const out = { write: (text: string) => (written += text), on: () => {}, off: () => {} } as unknown as WriteStream;
  const terminal = new Terminal(out, undefined, isStyled, { key: () => {}, redraw: () => {} });
  terminal.open();
  written = '';
  terminal.draw(LINES);
  terminal.close();
  return written;
}

test('lines are highlighted', () => {
  expect(drawn(true)).toBe('\x1b[H\x1b[7mTARGET\x1b[m\x1b[K\r\n\x1b[1;7mnot healthy\x1b[m\x1b[K\r\n101\x1b[K\x1b[J');
});

test('but not with NO_COLOR', () => {
  expect(drawn(false)).toBe('\x1b[HTARGET\x1b[K\r\nnot healthy\x1b[K\r\n101\x1b[K\x1b[J');
});
