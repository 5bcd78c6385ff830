import type { Permutations } from './permutation.js';

/** A bucket without a target, and a slot without a fwmark. */
export const NONE = -1;

/**
 * Assigns every bucket to a slot (Maglev §3.4): in rounds, each slot takes its next free preferred bucket.
 *
 * A slot of weight w takes w turns for each turn of a slot of weight 1: it gets w credits per round, and a turn costs as many credits as the
 * largest weight. So equal weights result in exactly the unweighted table.
 *
 * Computing (bucket + skip) mod M is faster than reading the permutation from memory: 2.1 ms instead of 3.1 ms for M = 65537, N = 100, where the
 * rows take 26 MB.
 *
 * @param lookup M entries; set to the slot of each bucket, or all to `NONE` if no slot takes turns
 * @param turns the slots that take turns, in that order, each once
 * @param weights by slot, integers ≥ 0; a slot of weight 0 takes no bucket
 */
export function populate(lookup: Int32Array, permutations: Permutations, turns: readonly number[], weights: ArrayLike<number>): void {
  const { M, skip } = permutations;
  lookup.fill(NONE);
  const largest = turns.reduce((max, slot) => Math.max(max, weights[slot]!), 0);
  if (largest === 0) return;
  const preferred = permutations.offset.slice();
  const credit = new Float64Array(preferred.length);

  for (let free = M; ; ) {
    for (let i = 0; i < turns.length; i++) {
      const slot = turns[i]!;
      credit[slot]! += weights[slot]!;
      if (credit[slot]! < largest) continue;
      credit[slot]! -= largest;
      const step = skip[slot]!;
      let bucket = preferred[slot]!;
      while (lookup[bucket]! >= 0) {
        bucket += step;
        if (bucket >= M) bucket -= M;
      }
      lookup[bucket] = slot;
      preferred[slot] = bucket;
      if (--free === 0) return;
    }
  }
}
