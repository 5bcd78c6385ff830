// D. J. Bernstein's hash: h = 5381; for each octet h = h·33 + octet (mod 2³²).
//
// Four octets a step, by the powers of 33, so that only one multiplication in four waits for the one before.

const SEED = 5381;
const P1 = 33;
const P2 = 33 ** 2;
const P3 = 33 ** 3;
const P4 = 33 ** 4;

/**
 * @param begin first octet to hash
 * @param end octet after the last; `end - begin` is a multiple of 4
 * @returns 32 bits, unsigned
 */
export function djb2(bytes: Uint8Array, begin: number, end: number): number {
  let hash = SEED;
  for (let at = begin; at < end; at += 4) {
    hash =
      (Math.imul(hash, P4) + Math.imul(bytes[at]!, P3) + Math.imul(bytes[at + 1]!, P2) + Math.imul(bytes[at + 2]!, P1) + bytes[at + 3]!) |
      0;
  }
  return hash >>> 0;
}
