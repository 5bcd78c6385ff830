// The hash tables of the program: cuckoo hashing (R. Pagh and F. F. Rodler, 2001). An entry is in one of two slots, so a search takes two steps at most,
// whatever is in the table.

/** As `SECOND` in program/maps.h. */
const SECOND = 0x85ebca6b;

/** Entries moved for a new one before another seed is tried. */
const MAX_MOVES = 200;
/** Seeds tried before the table is doubled. */
const SEEDS = 4;

/** One step of a hash, as `mix` in program/fast-path.bpf.c. 32 bits, unsigned. */
export function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A hash table for the program. The number of slots is a power of two. */
export interface Slots {
  readonly words: Uint32Array;
  readonly seed: number;
}

/**
 * Fills a hash table.
 *
 * @param entries words of each entry; one that is all 0 stands for a free slot
 * @param hash of an entry, with a seed
 * @param length words of an entry
 */
export function buildSlots(
  entries: readonly (readonly number[])[],
  length: number,
  hash: (entry: readonly number[], seed: number) => number,
): Slots {
  for (let slots = 2 ** Math.ceil(Math.log2(2 * entries.length + 2)); ; slots *= 2) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const table = place(entries, slots - 1, (entry) => hash(entry, seed));
      if (table === undefined) continue;
      const words = new Uint32Array(slots * length);
      table.forEach((entry, slot) => {
        words.set(entry, slot * length);
      });
      return { words, seed };
    }
  }
}

type Entry = readonly number[];

/** @returns slots with entries; `undefined` if some found no room */
function place(entries: readonly Entry[], mask: number, hash: (entry: Entry) => number): Entry[] | undefined {
  const table: Entry[] = [];
  for (const each of entries) {
    let entry: Entry | undefined = each;
    let slot = hash(entry) & mask;
    for (let moves = 0; entry !== undefined; moves++) {
      if (moves > MAX_MOVES) return undefined;
      const moved: Entry | undefined = table[slot];
      table[slot] = entry;
      if (moved !== undefined) {
        const first = hash(moved);
        slot = slot === (first & mask) ? mix(first, SECOND) & mask : first & mask;
      }
      entry = moved;
    }
  }
  return table;
}
