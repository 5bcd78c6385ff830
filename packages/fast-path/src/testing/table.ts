import { type HashKey, type Target, TargetTable } from '@nfqlb/core';

/** A table with these targets. A large one, for which another hash almost always gives another target. */
export function tableOf(fwmarks: readonly number[], M = 997, hashKey?: HashKey): TargetTable {
  const size = { M, N: Math.min(M, Math.max(100, fwmarks.length)), hashKey };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
  table.activate(fwmarks.map((fwmark): Target => ({ fwmark })));
  return table;
}
