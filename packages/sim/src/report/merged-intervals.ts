import type { Timeline } from './timeline.js';

/** With fewer packets, shares are noise. */
const PACKETS_EACH = 40;
const FEWEST = 16;
const MOST = 256;

/** How many neighbours of a timeline's intervals to put together, a power of two, so that a plot shows more than noise. */
export function mergeFactor({ intervals, reasons }: Timeline): number {
  const packets = reasons.reduce((sum, { values }) => sum + values.reduce((a, b) => a + b, 0), 0);
  let factor = 1;
  const count = (): number => Math.ceil(intervals.count / factor);
  while (count() > MOST || (count() >= 2 * FEWEST && packets / count() < PACKETS_EACH)) factor *= 2;
  return factor;
}

/** Sums, or the highest, of each `factor` values. */
export function merged(values: Float64Array, count: number, factor: number, merge: 'sum' | 'maximum'): number[] {
  return Array.from({ length: Math.ceil(count / factor) }, (_, i) => {
    const part = values.subarray(i * factor, Math.min((i + 1) * factor, count));
    return merge === 'sum' ? part.reduce((a, b) => a + b, 0) : Math.max(...part);
  });
}
