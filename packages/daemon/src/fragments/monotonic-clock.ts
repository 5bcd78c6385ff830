/** `performance.now()` starts at 0 in each thread; this is when, by the shared clock, in milliseconds. */
const THREAD_START_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Time in milliseconds by a clock that all threads share and that never goes back (CLOCK_MONOTONIC). */
export function monotonicNow(): number {
  return THREAD_START_MS + performance.now();
}
