import { UsageError } from '../usage-error.js';
import { list } from './list.js';
import { targetFwmark, wholeNumber } from './numbers.js';

/** A target's fwmark and its weight: its share of the buckets relative to the other targets. */
export interface WeightedTarget {
  readonly fwmark: number;
  readonly weight: number;
}

/** Reads a weight: 0 to 65535. */
export const weight: (text: string) => number = wholeNumber({ max: 65535 });

/** Reads targets: `101,102:2` are 101 with weight 1 and 102 with weight 2. */
export function targets(text: string): WeightedTarget[] {
  const all = parseTargets(text);
  const seen = new Set<number>();
  for (const target of all) {
    if (seen.has(target.fwmark)) throw new UsageError('invalid-value', `fwmark ${target.fwmark} is listed twice`, { value: text });
    seen.add(target.fwmark);
  }
  return all;
}

const parseTargets = list((item): WeightedTarget => {
  const colon = item.indexOf(':');
  if (colon < 0) return { fwmark: targetFwmark(item), weight: 1 };
  return { fwmark: targetFwmark(item.slice(0, colon)), weight: weight(item.slice(colon + 1)) };
});
