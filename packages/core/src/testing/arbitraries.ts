import fc from 'fast-check';
import { primeBelow } from '../maglev/prime.js';

/** Numbers of buckets: primes from 3 to 1009, often small ones. */
export const M: fc.Arbitrary<number> = fc.oneof(fc.integer({ min: 3, max: 30 }), fc.integer({ min: 3, max: 1009 })).map(primeBelow);

export const fwmark: fc.Arbitrary<number> = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 0x7fffffff }));
