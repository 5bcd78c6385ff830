// The fragment table's statistics in memory that other processes read, little-endian. The first part is that of C nfqlb:
//
//  0 | u64 ttlNanos
//  8 | u32 size, active, collisions, inserts, rejectedInserts, lookups, objGC | (4 octets padding)
// 40 | u32 mtu, bucketsMax, bucketsAllocated, bucketsUsed, fragsMax, fragsDiscarded, fragsAllocated, reAssembled
//
// What follows is not in C nfqlb:
//
// 72 | u32 magic, asked, answered, fragsUsed, holesMax, holesUsed, skipped, (padding)
//
// A reader who wants expired entries collected first adds 1 to `asked`, and waits until `answered` has caught up.

/** Octets of the part that C nfqlb has. */
export const C_STATISTICS_LENGTH = 72;

/** Octets of the whole. */
export const STATISTICS_LENGTH = 104;

export const STATISTICS_MAGIC = 0x316c7166; // "fql1"

/** Each statistic's word. */
export const Statistic = {
  TtlNanosLow: 0,
  TtlNanosHigh: 1,
  /** Buckets of the table. */
  Size: 2,
  /** Entries in use, when they were counted last. */
  Active: 3,
  /** Entries made in a bucket that had one. */
  Collisions: 4,
  Inserts: 5,
  /** Entries not made because all extra buckets were used. */
  Rejected: 6,
  Lookups: 7,
  /** Entries that expired and were collected. */
  Collected: 8,
  Mtu: 10,
  BucketsMax: 11,
  /** Extra buckets taken, in all. */
  BucketsAllocated: 12,
  BucketsUsed: 13,
  FragmentsMax: 14,
  /** Stored fragments that were never sent on. */
  FragmentsDiscarded: 15,
  /** Fragments stored, in all. */
  FragmentsAllocated: 16,
  /** Datagrams of which every fragment has come. */
  Reassembled: 17,
  Magic: 18,
  Asked: 19,
  Answered: 20,
  FragmentsUsed: 21,
  HolesMax: 22,
  HolesUsed: 23,
  /** Buckets left out of a collection because a worker held them. */
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

/** The sum of what several threads have counted, written to where others read it. */
export function sumStatistics(threads: readonly Uint32Array[], sum: Uint32Array): void {
  for (let word = 0; word < sum.length; word++) {
    if (word === Statistic.Asked || word === Statistic.Answered) continue;
    sum[word] = threads.reduce((total, statistics) => total + statistics[word]!, 0);
  }
}

/** The statistics by the names that `nfqlb stats` prints, in its order. What C nfqlb does not have comes last, where it is there. */
export function nameStatistics(words: Uint32Array): Record<string, number> {
  const own = words.length > Statistic.Magic && words[Statistic.Magic] === STATISTICS_MAGIC;
  const named = Object.entries({ ...NAMES, ...(own ? OWN_NAMES : {}) }).flatMap(([name, word]) =>
    word < words.length ? [[name, words[word]!]] : [],
  );
  const ttlNanos = words[Statistic.TtlNanosHigh]! * 2 ** 32 + words[Statistic.TtlNanosLow]!;
  return { ...Object.fromEntries(named), ttlMillis: Math.floor(ttlNanos / 1e6) };
}
