import { FwmarkLookup } from '@nfqlb/core';
import type { Situation } from './situation.js';

/** Buckets of a table that lead elsewhere after a change. */
export interface MovedBuckets {
  readonly table: string;
  readonly buckets: number;
  /** Of how many. */
  readonly of: number;
}

/** By table that both have in the same size: how many buckets lead elsewhere; tables without any are left out. */
export function movedBuckets(before: Situation, after: Situation): MovedBuckets[] {
  return after.tables.flatMap((table) => {
    const [one, other] = [before.tableOf(table), after.tableOf(table)];
    if (!one || !other || one.M !== other.M) return [];
    const { fwmarks } = new FwmarkLookup(one);
    const buckets = new FwmarkLookup(other).fwmarks.filter((fwmark, bucket) => fwmark !== fwmarks[bucket]).length;
    return buckets === 0 ? [] : [{ table, buckets, of: one.M }];
  });
}
