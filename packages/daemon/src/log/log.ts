// The daemon's log on stderr: plain text, or JSON as pino writes it. The level is read from shared memory for every line.

import { writeSync } from 'node:fs';
import { printable } from '@nfqlb/core/explanation';
import { Level } from '@nfqlb/protocol/trace';

export type LogFormat = 'text' | 'json';
export const LOG_FORMATS = ['text', 'json'] as const;

type Severity = 'warning' | 'notice' | 'info' | 'debug';
const LEVELS: Readonly<Record<Severity, Level>> = { warning: Level.Warning, notice: Level.Notice, info: Level.Info, debug: Level.Debug };

type Writer = (severity: Severity, message: string) => void;

let command = 'lb';
let levelNow: () => number = () => Level.Notice;
let writer: Writer = writeText;
let copy: ((line: string) => void) | undefined;

/** Sets the command's name, the format, and where to read the level. Until then, the log is text, notices and above. */
export async function openLog(name: string, format: LogFormat, level: () => number): Promise<void> {
  command = name;
  levelNow = level;
  writer = format === 'json' ? await jsonWriter() : writeText;
}

/** Sends a copy of each line that is logged to `to`; `undefined` stops it. */
export function copyLog(to: ((line: string) => void) | undefined): void {
  copy = to;
}

/** Each message is one line; control characters are escaped. */
export const log: Readonly<Record<Severity, (message: string) => void>> = {
  /** Important: something is lost or will be. */
  warning: (message) => write('warning', message),
  /** Notable: start, stop, external changes. */
  notice: (message) => write('notice', message),
  /** Requests to the load balancer, and their results. */
  info: (message) => write('info', message),
  /** For debugging. */
  debug: (message) => write('debug', message),
};

function write(severity: Severity, message: string): void {
  if (LEVELS[severity] > levelNow()) return;
  const line = printable(message);
  writer(severity, line);
  copy?.(textOf(severity, line));
}

/** A notice is the normal case, and has no prefix. */
function textOf(severity: Severity, message: string): string {
  return `nfqlb ${command}: ${severity === 'notice' ? '' : `${severity}: `}${message}`;
}

/** Synchronous, so that nothing is lost if the process exits right after. Ignores a closed stderr. */
function writeText(severity: Severity, message: string): void {
  try {
    writeSync(2, `${textOf(severity, message)}\n`);
  } catch {
    // Nowhere to report it.
  }
}

/** Loads pino only when needed, so that it does not slow down other commands. It writes synchronously, so that nothing is lost. */
async function jsonWriter(): Promise<Writer> {
  const { default: pino } = await import('pino');
  const customLevels = { warning: 40, notice: 35, info: 30, debug: 20 };
  const destination = pino.destination({ dest: 2, sync: true });
  // Ignore a closed stderr.
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
  return (severity, message) => logger[severity](message);
}
