// The daemon's log, on stderr: lines for people, or JSON as pino writes it. How much is said, shared memory tells, at every line.

import { writeSync } from 'node:fs';
import { printable } from '@nfqlb/core/explanation';
import { Level } from '@nfqlb/protocol/trace';

export type LogFormat = 'text' | 'json';
export const LOG_FORMATS = ['text', 'json'] as const;

type Word = 'warning' | 'notice' | 'info' | 'debug';
const LEVELS: Readonly<Record<Word, Level>> = { warning: Level.Warning, notice: Level.Notice, info: Level.Info, debug: Level.Debug };

type Writer = (word: Word, message: string) => void;

let command = 'lb';
let levelNow: () => number = () => Level.Notice;
let write: Writer = writeText;
let copy: ((line: string) => void) | undefined;

/** Whose log this is, how it is written, and where the level is. Before that it has text, down to notices. */
export async function openLog(name: string, format: LogFormat, level: () => number): Promise<void> {
  command = name;
  levelNow = level;
  write = format === 'json' ? await jsonWriter() : writeText;
}

/** Where a copy of each line goes that is said; `undefined` for nowhere. */
export function copyLog(to: ((line: string) => void) | undefined): void {
  copy = to;
}

/** What is said when, in one line each; what has no control characters is as it is. */
export const log: Readonly<Record<Word, (message: string) => void>> = {
  /** Important: something is lost or will be. */
  warning: (message) => say('warning', message),
  /** Notable: begin, end, what changed outside. */
  notice: (message) => say('notice', message),
  /** What was asked of the load balancer, and done. */
  info: (message) => say('info', message),
  /** For who looks for a fault in it. */
  debug: (message) => say('debug', message),
};

function say(word: Word, message: string): void {
  if (LEVELS[word] > levelNow()) return;
  const line = printable(message);
  write(word, line);
  copy?.(textOf(word, line));
}

/** A notice is the usual line, and has no word before it. */
function textOf(word: Word, message: string): string {
  return `nfqlb ${command}: ${word === 'notice' ? '' : `${word}: `}${message}`;
}

/** Nothing is lost when the process ends right after; nobody listening is no error. */
function writeText(word: Word, message: string): void {
  try {
    writeSync(2, `${textOf(word, message)}\n`);
  } catch {
    // There is nobody to tell.
  }
}

/** pino is read only where it is asked for, so that no other command starts later for it; and writes in this thread, so that nothing is lost. */
async function jsonWriter(): Promise<Writer> {
  const { default: pino } = await import('pino');
  const customLevels = { warning: 40, notice: 35, info: 30, debug: 20 };
  const destination = pino.destination({ dest: 2, sync: true });
  // Nobody reads any more.
  destination.on('error', () => {});
  const logger = pino(
    {
      name: `nfqlb ${command}`,
      level: 'debug',
      customLevels,
      useOnlyCustomLevels: true,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination,
  );
  return (word, message) => logger[word](message);
}
