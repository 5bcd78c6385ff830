// Simple tabulation hashing (A. L. Zobrist 1970; M. Pătraşcu, M. Thorup, "The Power of Simple Tabulation Hashing", 2012): for each octet a random word
// from the table of its position, all of them exclusive-ored. Three times as fast as half-siphash.ts for messages of a few octets.
//
// Two different messages have the same hash with a probability of exactly 2⁻³², whatever they are, if the tables are secret and the hash is not shown:
// so it is for memory that only counts and routes, not for answers to a sender.

import { halfSipHash } from './half-siphash.js';

const OCTETS = 256;
/** Words of the tables for the four octets of a word. */
export const WORD_TABLES: number = 4 * OCTETS;

const NOTHING = new Int32Array(0);

/**
 * Random tables for messages of this many words.
 *
 * @param k0 @param k1 their seed: 64 bits, secret
 */
export function tabulationTables(words: number, k0: number, k1: number): Int32Array {
  return Int32Array.from({ length: words * WORD_TABLES }, (_, i) => halfSipHash(NOTHING, 0, 0, 1, i, 0, 1, k0, k1));
}

/** Hash of a word; the exclusive or of all words' hashes is that of a message. 32 bits, signed (see djb2.ts). */
export function tabulate(tables: Int32Array, at: number, word: number): number {
  const begin = at * WORD_TABLES;
  return (
    tables[begin + (word & 255)]! ^
    tables[begin + OCTETS + ((word >>> 8) & 255)]! ^
    tables[begin + 2 * OCTETS + ((word >>> 16) & 255)]! ^
    tables[begin + 3 * OCTETS + (word >>> 24)]!
  );
}
