import { TargetTable } from '@nfqlb/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare } from './comparison.js';
import { maglev } from './maglev.js';
import type { Method } from './method.js';
import { modulo } from './modulo.js';
import { rendezvous } from './rendezvous.js';
import { ring } from './ring.js';

const clock = (): number => 0;
const METHODS: readonly Method[] = [maglev, ring(100), ring(1000), rendezvous, modulo];
const fwmarks = fc
  .uniqueArray(fc.integer({ min: 1, max: 0x7fffffff }), { minLength: 1, maxLength: 20 })
  .map((all) => Uint32Array.from(all));

/** MurmurHash3_x86_32 of a word, with BigInt and straight from its description. */
function murmur3(word: number, seed: number): bigint {
  const u32 = (n: bigint): bigint => BigInt.asUintN(32, n);
  const rotated = (n: bigint, by: bigint): bigint => u32((n << by) | (n >> (32n - by)));
  const k = u32(rotated(u32(BigInt(word) * 0xcc9e2d51n), 15n) * 0x1b873593n);
  let hash = u32(rotated(BigInt(seed) ^ k, 13n) * 5n + 0xe6546b64n) ^ 4n;
  hash = u32((hash ^ (hash >> 16n)) * 0x85ebca6bn);
  hash = u32((hash ^ (hash >> 13n)) * 0xc2b2ae35n);
  return hash ^ (hash >> 16n);
}

/** Pseudocode 1 of the paper, with whole permutations: each target in turn takes the first bucket in its list that is free. */
function paperTable(M: number, targets: readonly number[]): number[] {
  const lists = targets.map((fwmark) => {
    const offset = murmur3(fwmark, 0) % BigInt(M);
    const skip = (murmur3(fwmark, 1) % BigInt(M - 1)) + 1n;
    return Array.from({ length: M }, (_, j) => Number((offset + BigInt(j) * skip) % BigInt(M)));
  });
  const table = new Map<number, number>();
  for (let turn = 0; table.size < M; turn = (turn + 1) % targets.length) {
    const bucket = lists[turn]!.find((candidate) => !table.has(candidate))!;
    table.set(bucket, targets[turn]!);
  }
  return Array.from({ length: M }, (_, bucket) => table.get(bucket)!);
}

/** The fwmark of each bucket. */
const filled = (method: Method, M: number, targets: Uint32Array): number[] =>
  Array.from(method.populate(M, targets), (i) => targets[i] ?? -1);

test('maglev is the algorithm of the paper, and the table of the load balancer', () => {
  fc.assert(
    fc.property(fwmarks, fc.constantFrom(23, 101, 211), (targets, M) => {
      const table = filled(maglev, M, targets);
      expect(table).toEqual(
        paperTable(
          M,
          [...targets].sort((a, b) => a - b),
        ),
      );
      const size = { M, N: 20 };
      const live = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
      live.setTargets([...targets].map((fwmark) => ({ fwmark })));
      expect(table).toEqual(Array.from(live.lookup, (slot) => live.active[slot]));
    }),
    { numRuns: 30 },
  );
});

test.each(METHODS.filter((method) => method !== modulo))('$name does not depend on the order of the targets', (method) => {
  fc.assert(
    fc.property(fwmarks, (targets) => {
      expect(filled(method, 101, targets.toReversed())).toEqual(filled(method, 101, targets));
    }),
    { numRuns: 20 },
  );
});

describe('disruption', () => {
  test.each([ring(100), ring(1000), rendezvous])('$name moves nothing but the buckets of those that go', (method) => {
    for (const seed of [1, 2, 3]) {
      const { disrupted, changed, removed } = compare(method, { M: 997, targets: 20, remove: 5 }, seed, clock);
      expect(disrupted).toBe(0);
      expect(changed).toBe(removed);
      expect(removed).toBeGreaterThan(0.1);
    }
  });

  test('maglev: as counted bucket by bucket', () => {
    const [before, after] = [filled(maglev, 997, Uint32Array.of(1, 2, 3, 4, 5)), filled(maglev, 997, Uint32Array.of(3, 4, 5))];
    const method: Method = {
      name: '',
      populate: (M, targets) => maglev.populate(M, targets.length === 5 ? Uint32Array.of(1, 2, 3, 4, 5) : Uint32Array.of(3, 4, 5)),
    };
    const result = compare(method, { M: 997, targets: 5, remove: 2 }, 1, clock);
    expect(result.changed * 997).toBeCloseTo(before.filter((fwmark, bucket) => fwmark !== after[bucket]).length);
    expect(result.removed * 997).toBeCloseTo(before.filter((fwmark) => fwmark < 3).length);
  });

  test('modulo moves all but 1 in N', () => {
    expect(compare(modulo, { M: 9973, targets: 10, remove: 1 }, 1, clock).changed).toBeCloseTo(0.9, 2);
  });
});

describe('the paper, §5.3: 1,000 targets', () => {
  const over = (method: Method, M: number, targets: number, seeds: number): { worst: number; best: number; variation: number } => {
    const results = Array.from({ length: seeds }, (_, i) => compare(method, { M, targets, remove: 0 }, i + 1, clock));
    const all = results.map((result) => result.overProvisioning);
    const variation = results.reduce((sum, result) => sum + result.variation, 0) / seeds;
    return { worst: Math.max(...all), best: Math.min(...all), variation };
  };

  test.each([
    // The paper's figure is of one table; ours must lie around it. Standard deviations are what chance gives: buckets thrown at targets,
    // √(1000 / M); on the ring, places thrown at random and taken in turns, √(500 / M).
    ['ring, 1,000 points, 65,537 buckets', ring(1000), 65_537, 1000, 6, 0.297, Math.sqrt(500 / 65_537)],
    ['ring, 1,000 points, 655,373 buckets', ring(1000), 655_373, 1000, 6, 0.103, undefined],
    ['rendezvous, with a tenth of both', rendezvous, 6553, 100, 6, undefined, Math.sqrt(100 / 6553)],
  ] as const)('%s', { timeout: 60_000 }, (_name, method, M, targets, seeds, paper, deviation) => {
    const { best, worst, variation } = over(method, M, targets, seeds);
    if (paper !== undefined) {
      expect(best).toBeLessThan(paper);
      expect(worst).toBeGreaterThan(paper);
    }
    if (deviation !== undefined) expect(Math.abs(variation / deviation - 1)).toBeLessThan(0.06);
  });

  test('maglev: every target has one of two neighbouring numbers of buckets', () => {
    expect(compare(maglev, { M: 65_537, targets: 1000, remove: 0 }, 1, clock)).toMatchObject({ min: 65, max: 66 });
  });
});
