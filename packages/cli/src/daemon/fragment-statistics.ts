import { SharedMemory } from '@nfqlb/native';

// The fragment table's statistics in shared memory, as C nfqlb lays them down, little-endian:
//
//  0 | u64 ttlNanos
//  8 | u32 size, active, collisions, inserts, rejectedInserts, lookups, objGC | (4 octets padding)
// 40 | u32 mtu, bucketsMax, bucketsAllocated, bucketsUsed, fragsMax, fragsDiscarded, fragsAllocated, reAssembled

const SIZE = 72;

/** Names as `stats` prints them, in its order, and where each stands. */
const FIELDS = {
  hsize: 8,
  collisions: 16,
  inserts: 20,
  rejected: 24,
  lookups: 28,
  objGC: 32,
  mtu: 40,
  bucketsMax: 44,
  bucketsAllocated: 48,
  bucketsUsed: 52,
  fragsMax: 56,
  fragsAllocated: 64,
  fragsDiscarded: 60,
  reAssembled: 68,
} as const;

/** Creates the statistics of a load-balancer that has no fragment table: all zero. */
export function createFragmentStatistics(name: string): void {
  SharedMemory.create(name, SIZE, () => {});
}

/** What `nfqlb stats` prints. Throws `NativeError` when no load-balancer has made any. */
export function readFragmentStatistics(name: string): Record<string, number> {
  const memory = SharedMemory.open(name);
  try {
    const view = new DataView(memory.buffer);
    const { hsize, ...rest } = Object.fromEntries(Object.entries(FIELDS).map(([field, at]) => [field, view.getUint32(at, true)]));
    return { hsize: hsize!, ttlMillis: Number(view.getBigUint64(0, true) / 1_000_000n), ...rest };
  } finally {
    memory.close();
  }
}
