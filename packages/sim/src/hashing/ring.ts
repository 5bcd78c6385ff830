import type { Method } from './method.js';
import { mix } from './mix.js';

const NOBODY = -1;

/**
 * Consistent hashing (Karger and others, 1997): each target has `points` places on a ring, and a bucket goes to the next place at or after it.
 *
 * The ring has as many places as the table has buckets. The Maglev paper does not say how it fills a table from a ring; of the ways tried, only this
 * one gives its figures. If several points have the same place, the one with the lowest number has it, among equals that of the smallest
 * fwmark: so when a target goes, only its own buckets change hands.
 */
export function ring(points: number): Method {
  return {
    name: `ring, ${points.toLocaleString('en-US')} points`,
    populate(buckets, targets) {
      const lookup = new Int32Array(buckets).fill(NOBODY);
      const inOrder = Array.from(targets.keys()).sort((a, b) => targets[a]! - targets[b]!);
      for (let point = 0; point < points; point++) {
        for (const i of inOrder) {
          const place = mix(targets[i]!, point) % buckets;
          if (lookup[place] === NOBODY) lookup[place] = i;
        }
      }
      fillGaps(lookup);
      return lookup;
    },
  };
}

/** Gives each free bucket to the owner of the next one that is taken, around the ring. */
function fillGaps(lookup: Int32Array): void {
  let owner = lookup.find((i) => i !== NOBODY)!;
  for (let bucket = lookup.length - 1; bucket >= 0; bucket--) {
    if (lookup[bucket] === NOBODY) lookup[bucket] = owner;
    else owner = lookup[bucket]!;
  }
}
