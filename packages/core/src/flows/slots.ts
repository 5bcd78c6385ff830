/** Number of slots of an open-addressing hash table for `count` items: a power of two, at least half of them free. */
export function slotsFor(count: number): number {
  return 2 ** Math.max(1, Math.ceil(Math.log2(2 * count + 1)));
}

/** One step of a hash: mixes a word in. Spreads consecutive words well, as addresses and indexes are. 32 bits, signed. */
export function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
