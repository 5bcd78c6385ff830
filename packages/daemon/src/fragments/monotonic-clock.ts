/** `performance.now()` counts from the beginning of each thread; this is what it has to be moved by. */
const BEGINNING = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds by a clock that all threads share and that never goes back (CLOCK_MONOTONIC). */
export function monotonicNow(): number {
  return BEGINNING + performance.now();
}
