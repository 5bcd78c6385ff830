// MurmurHash3_x86_32 (Austin Appleby, public domain) of one 32-bit word, that is, of its four little-endian octets.

/**
 * @param word the four octets, as a number
 * @param seed 32 bits
 * @returns 32 bits, signed (see djb2.ts)
 */
export function murmur3(word: number, seed: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let hash = seed ^ Math.imul(k, 0x1b873593);
  hash = (hash << 13) | (hash >>> 19);
  hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  hash ^= 4; // the length, in octets
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
