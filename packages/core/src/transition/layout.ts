// The remembered connections, in one region of memory that all workers share:
//
//     | header                      a cache line        |  lock, number of connections, counts, hash key
//     | set[sets]                   three cache lines   |
//
// A set has room for 8 connections. Looking for one that is not there touches one cache line, finding one two:
//
//   0 | keyed[8] | hash[8]                        |  hash with a secret key; hash that chose the bucket
//  16 | 8 × | fwmark | use | table | check |       |  (below)
//
// `use` is the time of the last packet in seconds, times 4, plus a Mark; 0 for a free place. `table` is the number of the target table, `check` the
// exclusive or of all others but `use`.

import { CoreError } from '../core-error.js';

/** Words of the header. */
export const HEADER = 16;
export const LOCK = 0;
/** Places taken, expired ones included. */
export const TAKEN = 1;
/** Connections remembered since they began, and since a later packet; those for which there was no room. */
export const BEGUN = 2;
export const LEARNED = 3;
export const REFUSED = 4;
/** The hash key, two words. */
export const KEY = 5;

export const WAYS = 8;

// Words of a set.
export const KEYED = 0;
export const HASH: number = WAYS;
export const REST: number = 2 * WAYS;
export const SET_WORDS: number = 6 * WAYS;

/** Words of a place from {@link REST} on. */
export const REST_WORDS = 4;
export const FWMARK = 0;
export const USE = 1;
export const TABLE = 2;
export const CHECK = 3;

/** Maximum number of connections: they take 96 MiB. */
export const MAX_CONNECTIONS: number = 2 ** 21;

/**
 * Sets for this many connections, a power of two. Half of the places stay free: then less than one connection in 10⁴ finds both its sets full
 * (connection-set.test.ts).
 */
export function setsFor(connections: number): number {
  if (!Number.isInteger(connections) || connections < 1 || connections > MAX_CONNECTIONS) {
    throw new CoreError('out-of-range', `connections ${connections}: must be a whole number from 1 to ${MAX_CONNECTIONS}`);
  }
  let sets = 2;
  while (sets * WAYS < 2 * connections) sets *= 2;
  return sets;
}
