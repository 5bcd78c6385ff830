import { Balancer } from '@nfqlb/core';
import type { Axis } from './axis.js';
import { deciding, lookupOf, udp } from './subjects.js';

const M = 65_537;

/** Octets of an entry of the table that a packet reads. */
const ENTRY = 4;

export const targets: Axis = {
  name: 'targets',
  sizes: () => {
    const batch = udp();
    return [1, 10, 100, 1000].map((at) => ({ at, octets: ENTRY * M, measure: deciding(new Balancer(lookupOf(M, at)), batch) }));
  },
};

export const buckets: Axis = {
  name: 'buckets',
  sizes: () => {
    const batch = udp();
    // Primes. With 100 targets the largest would take 400 MB.
    return [997, 9973, 65_537, 999_983].map((at) => ({ at, octets: ENTRY * at, measure: deciding(new Balancer(lookupOf(at, 20)), batch) }));
  },
};
