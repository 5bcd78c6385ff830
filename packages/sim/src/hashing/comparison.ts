import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';
import type { Method } from './method.js';

export interface ComparisonOptions {
  /** Buckets of the table, a prime. */
  readonly M: number;
  /** Number of targets at first, and how many of them, chosen at random, go. */
  readonly targets: number;
  readonly remove: number;
}

/** One table, and the same with some targets less. Parts are between 0 and 1, of all buckets unless it says otherwise. */
export interface Comparison {
  /** Buckets of the target that has fewest, and of the one that has most. */
  readonly min: number;
  readonly max: number;
  /** Standard deviation of the targets' buckets, divided by their mean. */
  readonly variation: number;
  /** By how much the target with most buckets has more than the mean: as much more than needed every target must be able to carry. */
  readonly overProvisioning: number;
  /** Buckets that changed hands. Of them those of targets that went, which must, and those of targets that stayed. */
  readonly changed: number;
  readonly removed: number;
  readonly disrupted: number;
}

/**
 * Removes targets from a table. Adding them again would move the same buckets back, because a table depends only on the targets that it has.
 *
 * @param now a clock in milliseconds, to measure how long generating the first table takes
 */
export function compare(
  method: Method,
  { M, targets, remove }: ComparisonOptions,
  seed: number,
  now: () => number,
): Comparison & { readonly milliseconds: number } {
  const random = mulberry32(seed);
  const fwmarks = distinctFwmarks(targets, random);
  const begin = now();
  const before = method.populate(M, fwmarks);
  const milliseconds = now() - begin;
  // They are in random order: the first ones are as good as any.
  const rest = fwmarks.slice(remove);
  const after = remove === 0 ? before : method.populate(M, rest);
  return { ...balance(before, targets), ...disruption(before, after, remove), milliseconds };
}

/** What no way to hash can do better: all targets have the same number of buckets, or one more, and only those of targets that go move. */
export function ideal({ M, targets, remove }: ComparisonOptions): Comparison {
  const lookup = Int32Array.from({ length: M }, (_, bucket) => bucket % targets);
  const removed = remove / targets;
  return { ...balance(lookup, targets), changed: removed, removed, disrupted: 0 };
}

function balance(lookup: Int32Array, targets: number): Pick<Comparison, 'min' | 'max' | 'variation' | 'overProvisioning'> {
  const counts = new Uint32Array(targets);
  for (const i of lookup) counts[i]!++;
  const mean = lookup.length / targets;
  const variance = counts.reduce((sum, n) => sum + (n - mean) ** 2, 0) / targets;
  const [min, max] = counts.reduce(([least, most], n) => [Math.min(least, n), Math.max(most, n)], [Number.POSITIVE_INFINITY, 0]);
  return { min, max, variation: Math.sqrt(variance) / mean, overProvisioning: max / mean - 1 };
}

/** @param removed so many targets, the first ones, are in `before` and not in `after` */
function disruption(before: Int32Array, after: Int32Array, removed: number): Pick<Comparison, 'changed' | 'removed' | 'disrupted'> {
  let must = 0;
  let disrupted = 0;
  before.forEach((i, bucket) => {
    if (i < removed) must++;
    else if (i !== after[bucket]! + removed) disrupted++;
  });
  const M = before.length;
  return { changed: (must + disrupted) / M, removed: must / M, disrupted: disrupted / M };
}

function distinctFwmarks(count: number, random: () => number): Uint32Array {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(1 + Math.floor((random() / RANDOM_RANGE) * 0x7ffffffe));
  return Uint32Array.from(chosen);
}
