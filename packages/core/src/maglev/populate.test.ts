import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { M as primes } from '../testing/arbitraries.js';
import { runs } from '../testing/runs.js';
import { Permutations } from './permutation.js';
import { populate } from './populate.js';

/** The Maglev paper's algorithm with weights, as in data-plane §3, with explicit rows and turns. */
function naive(rows: readonly number[][], turns: readonly number[], weights: readonly number[]): number[] {
  const M = rows[0]!.length;
  const lookup = new Array<number>(M).fill(-1);
  const largest = Math.max(0, ...turns.map((slot) => weights[slot]!));
  const credit = weights.map(() => 0);
  while (largest > 0 && lookup.includes(-1)) {
    for (const slot of turns) {
      credit[slot]! += weights[slot]!;
      if (credit[slot]! < largest || !lookup.includes(-1)) continue;
      credit[slot]! -= largest;
      lookup[rows[slot]!.find((bucket) => lookup[bucket] === -1)!] = slot;
    }
  }
  return lookup;
}

function permutations(M: number, fwmarks: readonly number[]): { permutations: Permutations; rows: number[][] } {
  const all = new Permutations(M, fwmarks.length);
  const rows = fwmarks.map((mark, slot) => {
    all.setFwmark(slot, mark);
    const row = new Uint32Array(M);
    all.fillRow(slot, row);
    return [...row];
  });
  return { permutations: all, rows };
}

const populated = (M: number, fwmarks: readonly number[], weights: readonly number[]): number[] => {
  const lookup = new Int32Array(M);
  populate(lookup, permutations(M, fwmarks).permutations, [...fwmarks.keys()], weights);
  return [...lookup];
};

const share = (lookup: readonly number[], slot: number): number => lookup.filter((of) => of === slot).length;

const slots = fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 12 });

test('computes the same table as the naive algorithm, for any weights and order of turns', () => {
  const cases = fc.record({
    M: primes,
    fwmarks: slots,
    weights: fc.array(fc.nat(5), { minLength: 12, maxLength: 12 }),
    reversed: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ M, fwmarks, weights, reversed }) => {
      const turns = reversed ? [...fwmarks.keys()].reverse() : [...fwmarks.keys()];
      const { permutations: all, rows } = permutations(M, fwmarks);
      const lookup = new Int32Array(M);
      populate(lookup, all, turns, weights);
      expect([...lookup]).toEqual(naive(rows, turns, weights.slice(0, fwmarks.length)));
    }),
    { numRuns: runs(500) },
  );
});

describe('weights', () => {
  test('that are all equal result in exactly the unweighted table', () => {
    fc.assert(
      fc.property(primes, slots, fc.integer({ min: 1, max: 65535 }), (M, fwmarks, weight) => {
        const equal = (value: number): number[] => fwmarks.map(() => value);
        expect(populated(M, fwmarks, equal(weight))).toEqual(populated(M, fwmarks, equal(1)));
      }),
    );
  });

  test('result in proportional shares, to within one bucket per slot', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        fc.pre(total > 0);
        const lookup = populated(997, [...weights.keys()], weights);
        weights.forEach((weight, slot) => {
          expect(Math.abs(share(lookup, slot) - (997 * weight) / total)).toBeLessThanOrEqual(weights.length);
        });
      }),
    );
  });

  test('that are all 0 leave every bucket without a target', () => {
    expect(populated(7, [1, 2], [0, 0])).toEqual([-1, -1, -1, -1, -1, -1, -1]);
  });
});

test('without weights, the slots’ shares differ by at most one bucket', () => {
  fc.assert(
    fc.property(primes, slots, (M, fwmarks) => {
      const lookup = populated(
        M,
        fwmarks,
        fwmarks.map(() => 1),
      );
      const shares = fwmarks.map((_, slot) => share(lookup, slot));
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }),
  );
});

// C nfqlb's results for the same experiment, removing one of all active targets: 4.1% and 0.56%.
test.each([
  { M: 997, N: 32, most: 0.045 },
  { M: 65537, N: 100, most: 0.007 },
])("M=$M, N=$N: removing one target moves at most $most of the other targets' buckets, on average", ({ M, N, most }) => {
  const fwmarks = Array.from({ length: N }, (_, i) => 101 + i);
  const all = populated(
    M,
    fwmarks,
    fwmarks.map(() => 1),
  );
  const removals = M > 10_000 ? [0, 33, 66, 99] : fwmarks.keys();
  let moved = 0;
  let runs = 0;
  for (const removed of removals) {
    const rest = populated(
      M,
      fwmarks,
      fwmarks.map((_, slot) => (slot === removed ? 0 : 1)),
    );
    moved += all.filter((slot, bucket) => slot !== removed && rest[bucket] !== slot).length / M;
    runs++;
  }
  expect(moved / runs).toBeLessThan(most);
});
