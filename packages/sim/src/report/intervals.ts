/** Most intervals that a report keeps. */
export const MAX_INTERVALS = 512;

/** Length of an interval at first, in seconds: short captures get fine plots, too. */
const SHORTEST = 1e-6;

/** Whether two neighbours that are merged add up, as counts do, or the higher of them stays, as for levels. */
export type Merge = 'sum' | 'maximum';

/** A value for each interval. */
export interface Series {
  readonly values: Float64Array;
  readonly merge: Merge;
}

/**
 * Values over time, from 0 on, in equal intervals. Their number is limited: when time goes beyond the last one, neighbours are merged, and all
 * intervals are twice as long. So memory does not grow with the capture, and each count stays exact.
 */
export class Intervals {
  /** Length of each, in seconds. */
  seconds: number = SHORTEST;
  /** How many have been reached. */
  count = 0;
  readonly #series: Series[] = [];

  /** A new series, of zeros. */
  series(merge: Merge): Series {
    const series = { values: new Float64Array(MAX_INTERVALS), merge };
    this.#series.push(series);
    return series;
  }

  /** Whether the interval contains a time. Times before 0 count as 0. */
  contains(interval: number, time: number): boolean {
    return Math.max(0, Math.floor(time / this.seconds)) === interval;
  }

  /** Number of the interval that contains a time, which is then reached. Those before may get other numbers. */
  reach(time: number): number {
    let i = Math.max(0, Math.floor(time / this.seconds));
    while (i >= MAX_INTERVALS) {
      this.#merge();
      i = Math.floor(time / this.seconds);
    }
    if (i >= this.count) this.count = i + 1;
    return i;
  }

  #merge(): void {
    this.seconds *= 2;
    this.count = Math.ceil(this.count / 2);
    for (const { values, merge } of this.#series) {
      for (let i = 0; i < MAX_INTERVALS / 2; i++) {
        const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
        values[i] = merge === 'sum' ? a + b : Math.max(a, b);
      }
      values.fill(0, MAX_INTERVALS / 2);
    }
  }
}
