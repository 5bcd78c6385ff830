import { primeBelow } from '@nfqlb/core';

export interface SmallestTable {
  /** A prime. */
  readonly size: number;
  /** Packets lost, in percent. */
  readonly loss: number;
  /** Smaller primes that were tried and lose more. */
  readonly tried: number;
}

/**
 * Finds the smallest prime table size that loses at most `most`, trying primes in order: bisection would find a sufficient size, but not
 * the smallest. How consecutive ids spread over the buckets depends more on the prime than on its magnitude: at 10,000 packets/s and 200
 * ms, 1973 buckets lose 38 % and 1427 none.
 *
 * @param lossAt percent of packets that a size loses; may stop early and return any loss above `most`
 * @param least a size known to be too small
 * @param limit the largest size to try
 * @returns `undefined` when no size up to `limit` is sufficient
 */
export async function smallestTable(
  lossAt: (size: number) => Promise<number>,
  most: number,
  least: number,
  limit: number,
): Promise<SmallestTable | undefined> {
  let tried = 0;
  for (let size = Math.max(least, 2); size <= limit; size++) {
    if (primeBelow(size) !== size) continue;
    const loss = await lossAt(size);
    if (loss <= most) return { size, loss, tried };
    tried++;
  }
  return undefined;
}
