import type { Cidr } from '@nfqlb/core/address';
import { FINAL } from '../layout.js';
import type { Decision } from './decision.js';
import { buildPrefixes, destinationKind, type Family, Networks } from './networks.js';
import { withFewLengths } from './vips.js';

/** One target table for all packets to these VIPs. */
export function compileTable(vips: readonly Cidr[]): Decision {
  const networks = (family: Family): Networks<number> => {
    const all = new Networks<number>();
    for (const vip of withFewLengths(vips, family)) all.set(vip, FINAL);
    return all;
  };
  const kinds = new Map(([4, 6] as const).map((family) => [destinationKind(family), networks(family)]));
  return {
    names: [''],
    targets: [''],
    tables: new Uint32Array(1),
    ...buildPrefixes(kinds),
    ports: new Uint32Array(0),
    places: new Uint32Array(0),
    branches: { words: new Uint32Array(0), seed: 0 },
    asksSources: false,
    queuePings: false,
    unfit: [],
  };
}
