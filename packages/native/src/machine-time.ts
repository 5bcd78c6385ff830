import { readFileSync } from 'node:fs';

/** What this process's time namespace adds to the machine's clocks; since Linux 5.6. */
const OFFSETS = '/proc/self/timens_offsets';

/** `performance.now()` starts at 0 in each thread; this is when, in milliseconds of CLOCK_MONOTONIC. */
const THREAD_START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

let offset: number | undefined;

/**
 * How far CLOCK_MONOTONIC is ahead of the machine's in this process, in milliseconds. Not 0 in a time namespace (time_namespaces(7)), as some containers have:
 * the file has what is added to the clock of the first namespace, also in a namespace within another.
 */
export function clockOffset(): number {
  offset ??= readOffset();
  return offset;
}

function readOffset(): number {
  try {
    return parseOffset(readFileSync(OFFSETS, 'utf8'));
  } catch {
    // No time namespaces in this kernel, or no /proc: then nobody shares tables with another clock, or nobody can tell.
    return 0;
  }
}

/** Lines `monotonic SECONDS NANOSECONDS` and `boottime …`; in milliseconds. Nanoseconds are positive, also with negative seconds. */
export function parseOffset(text: string): number {
  const [, seconds, nanoseconds] = /^monotonic\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
  return seconds === undefined ? 0 : Number(seconds) * 1000 + Number(nanoseconds) / 1e6;
}

/**
 * Time in milliseconds that never goes back, and that all threads and programs of the machine share: CLOCK_MONOTONIC as outside of all time namespaces.
 * Setting the clock does not change it.
 */
export function machineTime(): number {
  return THREAD_START_MS + performance.now() - clockOffset();
}
