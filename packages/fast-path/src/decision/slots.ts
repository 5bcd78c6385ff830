// The hash tables of the program: open addressing, in which no search takes more than MAX_PROBES steps.

import { MAX_PROBES } from '../layout.js';

/** One step of a hash, as `mix` in program/fast-path.bpf.c. 32 bits, unsigned. */
export function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/**
 * Fills a hash table.
 *
 * @param entries words of each entry
 * @param hashes of the entries
 * @param used word that is 0 in a free slot
 * @returns a power of two of slots
 */
export function buildSlots(entries: readonly (readonly number[])[], hashes: readonly number[], words: number, used: number): Uint32Array {
  for (let slots = 2 ** Math.ceil(Math.log2(2 * entries.length + 1)); ; slots *= 2) {
    const table = fill(entries, hashes, words, used, slots);
    if (table !== undefined) return table;
  }
}

function fill(
  entries: readonly (readonly number[])[],
  hashes: readonly number[],
  words: number,
  used: number,
  slots: number,
): Uint32Array | undefined {
  const table = new Uint32Array(slots * words);
  for (const [i, entry] of entries.entries()) {
    let probe = 0;
    while (table[((hashes[i]! + probe) & (slots - 1)) * words + used] !== 0) if (++probe === MAX_PROBES) return undefined;
    table.set(entry, ((hashes[i]! + probe) & (slots - 1)) * words);
  }
  return table;
}
