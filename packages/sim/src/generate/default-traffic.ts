import type { TrafficOptions } from './traffic-options.js';

/** What `nfqlb-sim generate` makes without options. */
export const DEFAULT_TRAFFIC: TrafficOptions = {
  packets: 10_000,
  seed: 1,
  rate: 100_000,
  flows: 1000,
  length: 10,
  protocols: new Map([
    ['tcp', 75],
    ['udp', 20],
    ['sctp', 3],
    ['icmp', 2],
  ]),
  // The "simple IMIX" of packet generators.
  sizes: new Map([
    ['64', 7],
    ['576', 4],
    ['1500', 1],
  ]),
  vips: 1,
  ipv6: 50,
  fragmented: 0,
  errors: 0,
  multihomed: 0,
  attack: 0,
  attacks: new Map([
    ['syn', 1],
    ['udp', 1],
    ['fragments', 1],
  ]),
};
