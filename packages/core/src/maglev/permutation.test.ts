import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fwmark, M as primes } from '../testing/arbitraries.js';
import { Permutations } from './permutation.js';

describe('kind fwmark', () => {
  // These must never change, because load balancers of all versions must agree. Computed with a MurmurHash3 in another language.
  test.each([
    [1, 997, 4226891818 % 997, (1578231156 % 996) + 1],
    [101, 997, 1958995716 % 997, (3844709326 % 996) + 1],
    [102, 997, 4114381284 % 997, (2692009830 % 996) + 1],
    [102, 65537, 4114381284 % 65537, (2692009830 % 65536) + 1],
    [2147483647, 993997, 2641277762 % 993997, (2064575268 % 993996) + 1],
  ])('fwmark %i, M=%i: offset %i, skip %i', (mark, M, offset, skip) => {
    const permutations = new Permutations(M, 1);
    permutations.setFwmark(0, mark);
    expect([permutations.offset[0], permutations.skip[0]]).toEqual([offset, skip]);
  });

  test('every row is a permutation of the buckets, and is read back as written', () => {
    fc.assert(
      fc.property(primes, fwmark, (M, mark) => {
        const permutations = new Permutations(M, 2);
        permutations.setFwmark(0, mark);
        const row = new Uint32Array(M);
        permutations.fillRow(0, row);
        expect(row.toSorted()).toEqual(Uint32Array.from({ length: M }, (_, bucket) => bucket));
        permutations.setRow(1, row);
        expect([permutations.offset[1], permutations.skip[1]]).toEqual([permutations.offset[0], permutations.skip[0]]);
      }),
    );
  });
});
