import { describe, expect, test } from 'vitest';
import { mulberry32 } from '../mulberry32.js';
import { lossOf, type RateOptions, seedsFrom, sustainedRate } from './sustained-rate.js';

const RATE: RateOptions = { rate: 10_000, duration: 30, size: 1999, buckets: 1999, ttl: 200 };

/** Percent lost by a table that picks buckets at random, and drops an entry the moment it expires. */
function randomBucketsLoss({ rate, duration, size, buckets, ttl }: RateOptions): number {
  const random = mulberry32(7);
  const taken = new Set<number>();
  const live: { bucket: number | undefined; until: number }[] = [];
  let extra = 0;
  let oldest = 0;
  let lost = 0;
  const packets = rate * duration;
  for (let n = 0; n < packets; n++) {
    const now = (n * 1000) / rate;
    for (; oldest < live.length && live[oldest]!.until < now; oldest++) {
      const { bucket } = live[oldest]!;
      if (bucket === undefined) extra--;
      else taken.delete(bucket);
    }
    const bucket = random() % size;
    const until = now + ttl;
    if (!taken.has(bucket)) {
      taken.add(bucket);
      live.push({ bucket, until });
    } else if (extra < buckets) {
      extra++;
      live.push({ bucket: undefined, until });
    } else lost++;
  }
  return (100 * lost) / packets;
}

// C nfqlb's test. Its documentation gives for 300 s of this: 2,998,902 packets, 1,580,599 collisions, 1,649 stale, no loss.
describe.each(['host', 'network', 'random'] as const)('ids in %s order fill a table like random buckets', (ids) => {
  test.each([1, 2, 3])('10,000 packets/s in a table sized for 200 ms of them (seed %i)', (seed) => {
    const result = sustainedRate({ ...RATE, ids }, seed);
    expect(result).toMatchObject({ ttlMillis: 200, size: 1999, bucketsMax: 1999, rejected: 0 });
    expect(result.inserts / 300_000).toBeCloseTo(1, 2);
    // When 2000 entries choose among 1999 buckets, 1/e of the buckets stay empty.
    expect(result.collisions / result.inserts).toBeCloseTo(1 - 1 / Math.E, 2);
    expect(lossOf(result)).toBe(0);
    expect(result.active + result.objGC).toBe(result.inserts);
  });

  test.each([
    [2500, 499, 100],
    [10_000, 997, 997],
  ])('%i packets/s, too many for %i buckets and %i extra entries', (rate, size, buckets) => {
    const options = { rate, duration: 20, size, buckets, ttl: 200 };
    const result = sustainedRate({ ...options, ids }, 1);
    expect(Math.abs(lossOf(result) - randomBucketsLoss(options))).toBeLessThan(0.7);
    expect(result.bucketsPeak).toBe(buckets);
  });
});

test('the same seed gives the same packets, another seed different ones', () => {
  const short = { ...RATE, duration: 1 };
  expect(sustainedRate(short, 7)).toEqual(sustainedRate(short, 7));
  expect(sustainedRate(short, 7)).not.toEqual(sustainedRate(short, 8));
});

test('a very long time to live fills the table, then every packet is lost', () => {
  const result = sustainedRate({ rate: 1000, duration: 10, size: 97, buckets: 10, ttl: 1e6 }, 1);
  expect(result).toMatchObject({ active: 107, objGC: 0, bucketsPeak: 10, bucketsStale: 0 });
  expect(result.rejected).toBe(result.inserts - 107);
});

test('a run ends early once it has lost more than mostRejected', () => {
  const { rejected, inserts } = sustainedRate({ ...RATE, size: 97, buckets: 0, mostRejected: 10 }, 1);
  expect(rejected).toBe(11);
  expect(inserts).toBeLessThan(300);
});

test('the first run has the given seed, and every run its own', () => {
  expect(seedsFrom(5, 3)[0]).toBe(5);
  expect(seedsFrom(5, 3)).toEqual(seedsFrom(5, 9).slice(0, 3));
  expect(new Set(seedsFrom(5, 1000)).size).toBe(1000);
});
