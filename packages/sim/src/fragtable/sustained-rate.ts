import { FragmentTable, type FragmentTableOptions, PacketKey, STATISTICS_LENGTH, Statistic } from '@nfqlb/core';
import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';

/**
 * The fragment ids of packets that follow each other: counted in little-endian octets, as C nfqlb's conntrack-test does; counted in
 * network order, as they are on the wire; or random.
 */
export type IdOrder = 'host' | 'network' | 'random';

/** Fragmented packets at a rate, and the table that is to hold them. */
export interface RateOptions {
  /** Packets a second. */
  readonly rate: number;
  /** Seconds. */
  readonly duration: number;
  readonly size: number;
  readonly buckets: number;
  /** Milliseconds. */
  readonly ttl: number;
  /** `host` when absent. */
  readonly ids?: IdOrder;
  /** The run ends early when more packets than this are rejected. */
  readonly mostRejected?: number;
}

/** What came of it. The names are those of C nfqlb's conntrack-test. */
export interface RateResult {
  readonly ttlMillis: number;
  readonly size: number;
  /** Entries still alive at the end. */
  readonly active: number;
  /** Packets that met another one in their bucket. */
  readonly collisions: number;
  readonly inserts: number;
  /** Packets for which there was no room: lost. */
  readonly rejected: number;
  readonly lookups: number;
  /** Entries that expired and were collected, at the end too. */
  readonly objGC: number;
  readonly bucketsMax: number;
  /** Most extra entries in use at once. */
  readonly bucketsPeak: number;
  /** Entries that had expired and nobody had come by to collect, before all of them were collected at the end. */
  readonly bucketsStale: number;
}

const NANOSECONDS = 1e9;

/**
 * Sends the first fragments of packets to a fragment table, in virtual time. They have the same addresses and, but for random ones,
 * ids that follow each other, from a random one on; they come uniformly at random from 0 to twice the mean time apart.
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
  const end = duration * NANOSECONDS;
  const range = (2 * NANOSECONDS) / rate / RANDOM_RANGE;
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

/** A 32-bit number with its octets in the other order. */
function swapOctets(n: number): number {
  return (n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);
}

/** Packets lost, in percent of all. */
export function lossOf({ rejected, inserts }: RateResult): number {
  return (100 * rejected) / Math.max(inserts, 1);
}

/** Seeds for so many runs: the first is `seed` itself, the others follow from it. */
export function seedsFrom(seed: number, runs: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: runs }, (_, run) => (run === 0 ? seed : random()));
}
