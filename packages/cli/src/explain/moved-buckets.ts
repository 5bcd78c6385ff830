import { FwmarkLookup } from '@nfqlb/core';
import type { Situation } from './situation.js';

/** Buckets of a table that lead elsewhere after a change. */
export interface MovedBuckets {
  readonly table: string;
  readonly buckets: number;
  /** Total buckets. */
  readonly of: number;
}

/** How many buckets lead elsewhere, for each table that both have in the same size. Omits tables without any. */
export function movedBuckets(before: Situation, after: Situation): MovedBuckets[] {
  return after.tables.flatMap((table) => {
    const [one, other] = [before.tableOf(table), after.tableOf(table)];
    if (!one || !other || one.M !== other.M) return [];
    const { fwmarks } = new FwmarkLookup(one);
    const buckets = new FwmarkLookup(other).fwmarks.filter((fwmark, bucket) => fwmark !== fwmarks[bucket]).length;
    return buckets === 0 ? [] : [{ table, buckets, of: one.M }];
  });
}
