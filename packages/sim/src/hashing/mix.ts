/**
 * A 32-bit hash of two words: the finaliser of MurmurHash3 over their sum with Weyl constants. Not the hash of the load balancer, so that the other
 * methods share nothing with what they are compared with.
 *
 * @returns 32 bits, unsigned
 */
export function mix(a: number, b: number): number {
  let hash = (Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca77)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = (Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) + a) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}
