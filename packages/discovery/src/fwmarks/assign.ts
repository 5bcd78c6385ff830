// Which fwmark a target gets. All load balancers of a tier must come to the same answer, also one that has just joined: so it depends on nothing but
// the addresses that there are now. And a target must keep its fwmark while others come and go: its connections go by it.
//
// Both at once is possible only as far as no two targets want the same fwmark. So the fwmark that a target wants, its home, is the range's first plus
// its address modulo the size of the range: targets of a network that is not larger than the range never collide, and none ever moves. Among those
// that share a home, the first by rank lives there; the others go to places derived from their addresses, in order of rank.
//
// A change of one target then moves no target from its home, or to it, but at most one: one with the same home. Besides, only targets that are not at
// home can move.

import { createHash } from 'node:crypto';
import { isIpv4, parseIpAddress } from '@nfqlb/core/address';
import type { FwmarkRange } from '../settings/index.js';

/** A place that is derived from an address is free with probability 1 − load; after this many, places are tried one after the other. */
const PROBES = 64;

/** Octets of an IPv4 address, at the end of an address of 16. */
const IPV4_OCTETS = 4;

/**
 * Fwmarks by address. If there are more addresses than fwmarks, the last by rank get none.
 *
 * @param addresses one of each target, in the usual form, each once; their order means nothing
 */
export function assignFwmarks(addresses: readonly string[], { first, last }: FwmarkRange): Map<string, number> {
  const size = last - first + 1;
  const assigned = new Map<string, number>();
  const taken = new Set<number>();
  const put = (address: string, fwmark: number): void => {
    assigned.set(address, fwmark);
    taken.add(fwmark);
  };
  const away: string[] = [];
  for (const address of byRank(addresses)) {
    const home = first + remainder(address, size);
    if (taken.has(home)) away.push(address);
    else put(address, home);
  }
  for (const address of away.slice(0, size - taken.size)) {
    let place = 0;
    for (let probe = 0; probe < PROBES; probe++) {
      place = hash(`${address} ${probe}`) % size;
      if (!taken.has(first + place)) break;
    }
    while (taken.has(first + place)) place = (place + 1) % size;
    put(address, first + place);
  }
  return assigned;
}

/** In an order that favours no network. */
export function byRank(addresses: readonly string[]): string[] {
  const ranks = new Map(addresses.map((address) => [address, hash(address)]));
  return addresses.toSorted((a, b) => ranks.get(a)! - ranks.get(b)! || (a < b ? -1 : 1));
}

/** The address as a number, modulo `size`. */
function remainder(address: string, size: number): number {
  const octets = parseIpAddress(address)!;
  const number = isIpv4(octets) ? octets.subarray(-IPV4_OCTETS) : octets;
  // Below 2^39: exact.
  return number.reduce((rest, octet) => (rest * 256 + octet) % size, 0);
}

/** 32 bits. */
function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE();
}
