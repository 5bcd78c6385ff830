import { Balancer, FragmentTable, type FragmentTableOptions, STATISTICS_LENGTH } from '@nfqlb/core';
import { HASH_KEY, packet } from '@nfqlb/core/testing';
import { decideBatch, packetBatch } from '../traffic.js';
import type { Axis } from './axis.js';
import { client, deciding, lookupOf, SLOT, spreadOver, udp } from './subjects.js';

const OPTIONS: FragmentTableOptions = { size: 19_997, buckets: 20_000, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };
/** Of an entry of the fragment table. */
const OCTETS_EACH = 64;

export const fragments: Axis = {
  name: 'fragments',
  sizes: () => {
    const lookup = lookupOf(65_537, 100);
    return [0, 10, 100, 1000, 10_000].map((at) => {
      const table = new FragmentTable(FragmentTable.createMemory(OPTIONS, HASH_KEY), OPTIONS, new Uint32Array(STATISTICS_LENGTH / 4));
      const balancer = new Balancer(lookup, { fragments: table });
      if (at === 0) return { at, octets: 0, measure: deciding(balancer, udp()) };
      // Their first fragments.
      decideBatch(
        balancer,
        packetBatch(at, SLOT, (which) => datagram(which).fragment({ id: which, offset: 0, more: true }).udp(4711, 53).payload(40).build()),
        at,
      );
      const later = spreadOver(at, (which) =>
        datagram(which).fragment({ id: which, offset: 48, more: false }).protocol(17).payload(24).build(),
      );
      return { at, octets: at * OCTETS_EACH, measure: deciding(balancer, later) };
    });
  },
};

/** The IP header of the datagram of that number. */
function datagram(which: number): ReturnType<ReturnType<typeof packet>['ipv4']> {
  const [address] = client(4 * which);
  return packet().ipv4(address, '192.0.2.1');
}
