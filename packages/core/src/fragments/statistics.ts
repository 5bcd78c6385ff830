// The fragment table's statistics, in memory that other processes read, little-endian. The first part is the same as in C nfqlb:
//
//  0 | u64 ttlNanos
//  8 | u32 size, active, collisions, inserts, rejectedInserts, lookups, objGC | (4 octets padding)
// 40 | u32 mtu, bucketsMax, bucketsAllocated, bucketsUsed, fragsMax, fragsDiscarded, fragsAllocated, reAssembled
//
// The rest does not exist in C nfqlb:
//
// 72 | u32 magic, asked, answered, fragsUsed, holesMax, holesUsed, skipped, (padding)
//
// To have expired entries collected first, a reader adds 1 to `asked`, and waits until `answered` has caught up.

/** Length of the part that C nfqlb has, in octets. */
export const C_STATISTICS_LENGTH = 72;

/** Total length in octets. */
export const STATISTICS_LENGTH = 104;

export const STATISTICS_MAGIC = 0x316c7166; // "fql1"

/** Word index of each statistic. */
export const Statistic = {
  TtlNanosLow: 0,
  TtlNanosHigh: 1,
  /** Buckets of the table. */
  Size: 2,
  /** Entries in use when they were last counted. */
  Active: 3,
  /** Entries created in a bucket that had one. */
  Collisions: 4,
  Inserts: 5,
  /** Entries not created because no extra entry was free or the bucket was full. */
  Rejected: 6,
  Lookups: 7,
  /** Entries that expired and were collected. */
  Collected: 8,
  Mtu: 10,
  BucketsMax: 11,
  /** Total number of extra entries used. */
  BucketsAllocated: 12,
  BucketsUsed: 13,
  FragmentsMax: 14,
  /** Stored fragments that were discarded, not reinjected. */
  FragmentsDiscarded: 15,
  /** Total number of fragments stored. */
  FragmentsAllocated: 16,
  /** Datagrams of which all fragments have arrived. */
  Reassembled: 17,
  Magic: 18,
  Asked: 19,
  Answered: 20,
  FragmentsUsed: 21,
  HolesMax: 22,
  HolesUsed: 23,
  /** Buckets skipped in a collection because a worker had locked them. */
  Skipped: 24,
} as const;

export type Statistic = (typeof Statistic)[keyof typeof Statistic];

const NAMES = {
  hsize: Statistic.Size,
  ttlMillis: Statistic.TtlNanosLow,
  collisions: Statistic.Collisions,
  inserts: Statistic.Inserts,
  rejected: Statistic.Rejected,
  lookups: Statistic.Lookups,
  objGC: Statistic.Collected,
  mtu: Statistic.Mtu,
  bucketsMax: Statistic.BucketsMax,
  bucketsAllocated: Statistic.BucketsAllocated,
  bucketsUsed: Statistic.BucketsUsed,
  fragsMax: Statistic.FragmentsMax,
  fragsAllocated: Statistic.FragmentsAllocated,
  fragsDiscarded: Statistic.FragmentsDiscarded,
  reAssembled: Statistic.Reassembled,
} as const;

const OWN_NAMES = {
  active: Statistic.Active,
  fragsUsed: Statistic.FragmentsUsed,
  holesMax: Statistic.HolesMax,
  holesUsed: Statistic.HolesUsed,
  skipped: Statistic.Skipped,
} as const;

/** Sums the statistics of several threads into memory that other processes read. */
export function sumStatistics(threads: readonly Uint32Array[], sum: Uint32Array): void {
  for (let word = 0; word < sum.length; word++) {
    if (word === Statistic.Asked || word === Statistic.Answered) continue;
    sum[word] = threads.reduce((total, statistics) => total + statistics[word]!, 0);
  }
}

/** The statistics by their names in `nfqlb stats`, in its order. Those that C nfqlb does not have come last, if present. */
export function nameStatistics(words: Uint32Array): Record<string, number> {
  const own = words.length > Statistic.Magic && words[Statistic.Magic] === STATISTICS_MAGIC;
  const named = Object.entries({ ...NAMES, ...(own ? OWN_NAMES : {}) }).flatMap(([name, word]) =>
    word < words.length ? [[name, words[word]!]] : [],
  );
  const ttlNanos = words[Statistic.TtlNanosHigh]! * 2 ** 32 + words[Statistic.TtlNanosLow]!;
  return { ...Object.fromEntries(named), ttlMillis: Math.floor(ttlNanos / 1e6) };
}
