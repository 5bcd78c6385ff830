import { extractKey, Kind, PacketKey } from '@nfqlb/core';
import { mix } from '../hashing/mix.js';

/** How the router in front of a tier chooses a load balancer for each packet. */
export type SprayKind = 'random' | 'ecmp';

const KEY = new PacketKey();

/**
 * Chooses among the load balancers as a router does that uses equal-cost paths: by a hash of addresses, protocol and ports, the paths sharing the values
 * of the hash in equal ranges (RFC 2992), so that a path more or less moves flows between those that stay. It knows no more than routers
 * know: fragments are hashed by their addresses, and ICMP errors by their own, not by what they quote.
 *
 * @param paths how many there are
 * @returns from 0 to `paths` − 1
 */
export function ecmp(bytes: Uint8Array, at: number, length: number, etherType: number, paths: number): number {
  const kind = extractKey(KEY, bytes, at, length, etherType, 0);
  let hash = 0;
  if (kind === Kind.IcmpInner || kind === Kind.Malformed) hash = hashAddresses(bytes, at, length);
  else {
    const words = kind === Kind.Fragment || kind === Kind.FirstFragment ? ADDRESS_WORDS : KEY.words.length;
    for (let i = 0; i < words; i++) hash = mix(hash, KEY.words[i]!);
  }
  return Math.floor((hash / 2 ** 32) * paths);
}

/** The first words of a key. */
const ADDRESS_WORDS = 8;

/** Offsets of the addresses in an IPv4 (RFC 791 §3.1) and an IPv6 header (RFC 8200 §3), and where they end. */
const [V4, V4_END, V6, V6_END] = [12, 20, 8, 40];

function hashAddresses(bytes: Uint8Array, at: number, length: number): number {
  const [begin, end] = bytes[at]! >> 4 === 6 ? [V6, V6_END] : [V4, V4_END];
  let hash = 0;
  for (let i = begin; i < Math.min(end, length); i++) hash = mix(hash, bytes[at + i]!);
  return hash;
}
