// The remembered connections, in one region of memory that all workers share:
//
//     | header                      a cache line        |  lock, number of connections, counts, hash key
//     | place[8] [sets]             two cache lines     |
//     | table[8] [sets]                                 |  number of the target table, which only sweeps need
//
// Finding a connection touches one cache line as a rule, since each prefers one place of its set. A place:
//
//   | keyed | hash | fwmark | use |
//
// `keyed` is a hash with a secret key, over the number of the target table, too; `hash` chose the bucket. `use` is 0 for a free place, otherwise:
//
//  31                                    12 11                  2 1    0
//   |  time of the last packet, seconds    |  check of the others | Mark |

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

/** Words of a place. */
export const PLACE_WORDS = 4;
export const KEYED = 0;
export const HASH = 1;
export const FWMARK = 2;
export const USE = 3;

/** Words of the places of a set. */
export const SET_WORDS: number = WAYS * PLACE_WORDS;

/** Word of the first table number. */
export function tablesFrom(sets: number): number {
  return HEADER + sets * SET_WORDS;
}

/** Words of all. */
export function wordsFor(sets: number): number {
  return tablesFrom(sets) + sets * WAYS;
}

/** Maximum number of connections: they take 80 MiB. */
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
