// HalfSipHash-1-3 (J.-P. Aumasson, D. J. Bernstein; 32-bit words): a keyed hash for tables whose keys an attacker can choose. The Linux kernel
// uses it for the same purpose (`hsiphash`, Documentation/security/siphash.rst). Without the hash key, nobody can find entries that share a
// bucket; for djb2 and MurmurHash3, that is easy even if they are seeded.

/** The two words of a key, 64 bits, secret. */
export type HashKey = readonly [k0: number, k1: number];

/** How packets are hashed with or without a key, in a word: as in `--hash`. */
export function nameHash(hashKey: HashKey | undefined): 'djb2' | 'siphash' {
  return hashKey ? 'siphash' : 'djb2';
}

/**
 * Hashes every `step`-th word of `words[begin .. end)`, then `word`, then up to three octets.
 *
 * @param tail the octets after `word`, the first one lowest
 * @param tailLength how many they are
 * @param k0 @param k1 the {@link HashKey}
 * @returns 32 bits, signed (see djb2.ts)
 */
export function halfSipHash(
  words: Int32Array,
  begin: number,
  end: number,
  step: number,
  word: number,
  tail: number,
  tailLength: number,
  k0: number,
  k1: number,
): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  let length = tailLength;
  // The words, then `word`, then the tail with the message's length above it, then finalization: one round each, with the code written only once.
  let at = begin;
  for (let phase = 0; phase < 5; ) {
    let m = 0;
    if (phase === 0) {
      if (at < end) {
        m = words[at]!;
        at += step;
      } else {
        m = word;
        phase = 1;
      }
      length += 4;
    } else if (phase === 1) {
      m = tail | (length << 24);
      phase = 2;
    } else {
      if (phase === 2) v2 ^= 0xff;
      phase++;
    }
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  return v1 ^ v3;
}
