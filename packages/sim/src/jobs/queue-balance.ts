// Which of several queues a packet goes to with `NFQUEUE --queue-balance`: include/net/netfilter/nf_queue.h of Linux, nfqueue_hash(). Packets of a
// connection, in both directions, go to the same one. The kernel's starting value is random; here it is fixed.

import { ETH_P_IP } from '@nfqlb/core';

/** include/linux/jhash.h: JHASH_INITVAL, and three words. */
const JHASH_INITVAL = 0xdeadbeef + (3 << 2);

/**
 * Number of the queue of the packet at `bytes[at]`, from 0. A packet too short for its addresses goes to the first.
 *
 * @param length octets that are available
 * @param queues how many there are
 */
export function queueOf(bytes: Uint8Array, at: number, length: number, etherType: number, queues: number): number {
  if (etherType === ETH_P_IP) {
    if (length < 20) return 0;
    const [source, destination] = [u32(bytes, at + 12), u32(bytes, at + 16)];
    const [low, high] = source < destination ? [source, destination] : [destination, source];
    return scale(jhash3(low, high, bytes[at + 9]!), queues);
  }
  if (length < 40) return 0;
  const [source, destination] = [u32(bytes, at + 20), u32(bytes, at + 36)];
  const [low, high] = source < destination ? [source, destination] : [destination, source];
  return scale(jhash3(low, high, Math.min(u32(bytes, at + 12), u32(bytes, at + 28))), queues);
}

/** reciprocal_scale(): a part of 2³² as a part of `end`. */
function scale(hash: number, end: number): number {
  return Math.floor(((hash >>> 0) * end) / 2 ** 32);
}

/** A word of an address as the kernel compares it on a little-endian machine. */
function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** jhash_3words(): B. Jenkins, lookup3, __jhash_final(). */
function jhash3(first: number, second: number, third: number): number {
  let a = (first + JHASH_INITVAL) | 0;
  let b = (second + JHASH_INITVAL) | 0;
  let c = (third + JHASH_INITVAL) | 0;
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  return (c ^ b) - rotate(b, 24);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
