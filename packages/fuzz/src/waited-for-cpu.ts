import { readFileSync } from 'node:fs';

/**
 * How long the main thread has been ready to run while others had the CPUs, in milliseconds: of a busy machine that is most of the time that passes. Linux:
 * the second number of /proc/PID/schedstat, in nanoseconds. 0 where nobody counts it.
 */
export function waitedForCpu(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1] ?? 0) / 1e6;
  } catch {
    return 0;
  }
}
