import type { Cidr } from '@nfqlb/core/address';
import { MAX_LENGTHS } from '../layout.js';
import { type Family, familyOf } from './networks.js';

/**
 * The VIPs of a family. The program searches for a limited number of prefix lengths: VIPs of rarer ones are left out, so their packets go to the
 * queue.
 */
export function withFewLengths(vips: readonly Cidr[], family: Family): Cidr[] {
  const own = vips.filter((vip) => familyOf(vip) === family);
  const counts = new Map<number, number>();
  for (const { prefixLength } of own) counts.set(prefixLength, (counts.get(prefixLength) ?? 0) + 1);
  const lengths = [...counts].sort(([a, countA], [b, countB]) => countB - countA || b - a).map(([length]) => length);
  const kept = new Set(lengths.slice(0, MAX_LENGTHS));
  return own.filter(({ prefixLength }) => kept.has(prefixLength));
}
