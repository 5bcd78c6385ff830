import { expect, test } from 'vitest';
import { MAX_BUCKETS, MIN_BUCKETS, primeBelow } from './prime.js';

test('agrees with a sieve for every number up to a million', () => {
  const limit = 1_000_000;
  const composite = new Uint8Array(limit + 1);
  for (let n = 2; n * n <= limit; n++) if (!composite[n]) for (let m = n * n; m <= limit; m += n) composite[m] = 1;
  let prime = 2;
  for (let n = 2; n <= limit; n++) {
    if (!composite[n]) prime = n;
    if (primeBelow(n) !== prime) expect(`${n}: ${primeBelow(n)}`).toBe(`${n}: ${prime}`);
  }
});

test('the bounds are primes, and the upper one is the largest below 997²', () => {
  expect(primeBelow(MIN_BUCKETS)).toBe(MIN_BUCKETS);
  expect(primeBelow(997 ** 2 - 1)).toBe(MAX_BUCKETS);
});
