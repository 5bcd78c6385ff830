import { FragmentTable, type FragmentTableOptions, PacketKey, STATISTICS_LENGTH, Statistic } from '@nfqlb/core';
import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';

/**
 * Fragment ids of consecutive packets: counted in little-endian octets, as in C nfqlb's conntrack-test; counted in network order, as on the
 * wire; or random.
 */
export type IdOrder = 'host' | 'network' | 'random';

/** A rate of fragmented packets, and the table that should hold them. */
export interface RateOptions {
  /** Packets per second. */
  readonly rate: number;
  /** Seconds. */
  readonly duration: number;
  readonly size: number;
  readonly buckets: number;
  /** Milliseconds. */
  readonly ttl: number;
  /** Default `host`. */
  readonly ids?: IdOrder;
  /** The run ends early when more packets than this are rejected. */
  readonly mostRejected?: number;
}

/** The result. Names are those of C nfqlb's conntrack-test. */
export interface RateResult {
  readonly ttlMillis: number;
  readonly size: number;
  /** Entries still alive at the end. */
  readonly active: number;
  /** Packets whose bucket was already taken. */
  readonly collisions: number;
  readonly inserts: number;
  /** Packets lost because the table was full. */
  readonly rejected: number;
  readonly lookups: number;
  /** Entries that expired and were collected, including at the end. */
  readonly objGC: number;
  readonly bucketsMax: number;
  /** Maximum extra entries in use at once. */
  readonly bucketsPeak: number;
  /** Expired entries that were only collected at the end. */
  readonly bucketsStale: number;
}

const NANOSECONDS_PER_SECOND = 1e9;

/**
 * Sends first fragments of packets to a fragment table, in virtual time. All have the same addresses; ids are consecutive from a random
 * start, unless they are random; intervals are uniformly random from 0 to twice the mean.
 *
 * @param seed 32 bits; the same seed gives the same packets, and the same hash of them
 */
export function sustainedRate(rateOptions: RateOptions, seed: number): RateResult {
  const { rate, duration, size, buckets, ttl, ids = 'host', mostRejected = Number.POSITIVE_INFINITY } = rateOptions;
  const options: FragmentTableOptions = { size, buckets, ttl, fragments: 0, mtu: 576, holes: 0 };
  const statistics = new Uint32Array(STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT);
  const table = new FragmentTable(FragmentTable.createMemory(options, [seed | 0, ~seed]), options, statistics);
  table.resetStatistics(options);
  const random = mulberry32(seed);
  const key = new PacketKey();
  let id = random() | 0;

  let bucketsPeak = 0;
  const end = duration * NANOSECONDS_PER_SECOND;
  const range = (2 * NANOSECONDS_PER_SECOND) / rate / RANDOM_RANGE;
  for (let now = 0; now < end && statistics[Statistic.Rejected]! <= mostRejected; ) {
    now += Math.floor(random() * range);
    table.now = now / 1e6;
    id = ids === 'random' ? random() | 0 : (id + 1) | 0;
    key.fragmentId = ids === 'network' ? swapOctets(id) : id;
    table.first(key, 0);
    const used = statistics[Statistic.BucketsUsed]!;
    if (used > bucketsPeak) bucketsPeak = used;
  }
  const collected = statistics[Statistic.Collected]!;
  table.collect();
  return {
    ttlMillis: ttl,
    size,
    active: statistics[Statistic.Active]!,
    collisions: statistics[Statistic.Collisions]!,
    inserts: statistics[Statistic.Inserts]!,
    rejected: statistics[Statistic.Rejected]!,
    lookups: statistics[Statistic.Lookups]!,
    objGC: statistics[Statistic.Collected]!,
    bucketsMax: buckets,
    bucketsPeak,
    bucketsStale: statistics[Statistic.Collected]! - collected,
  };
}

/** Reverses the octets of a 32-bit number. */
function swapOctets(n: number): number {
  return (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);
}

/** Percent of packets lost. */
export function lossOf({ rejected, inserts }: RateResult): number {
  return (100 * rejected) / Math.max(inserts, 1);
}

/** Seeds for this many runs: the first is `seed` itself, the others are derived from it. */
export function seedsFrom(seed: number, runs: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: runs }, (_, run) => (run === 0 ? seed : random()));
}
