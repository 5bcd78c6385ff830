/** How far the two clocks may be apart, in milliseconds: `Date` counts whole ones, and the thread may be interrupted between reading the two. */
const TOLERANCE_MS = 2;

/** Date and time with microseconds, of which `Date` has none; `performance.timeOrigin` has, but ignores that the clock is set. */
export class WallClock {
  #origin = performance.timeOrigin;

  /**
   * Milliseconds since 1970.
   *
   * @param date `Date.now()`
   * @param elapsed `performance.now()`, at the same time
   */
  at(date: number, elapsed: number): number {
    const now = this.#origin + elapsed;
    if (Math.abs(now - date) <= TOLERANCE_MS) return now;
    this.#origin = date - elapsed;
    return date;
  }
}
