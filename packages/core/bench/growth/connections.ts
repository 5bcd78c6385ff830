import { Balancer, ConnectionSet, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { packet } from '@nfqlb/core/testing';
import type { Axis } from './axis.js';
import { client, deciding, spreadOver } from './subjects.js';

const SIZE = { M: 65_537, N: 100 };
/** Enough that hardly a connection finds its place taken. */
const ROOM = { connections: 2 ** 19 };
/** Id of the table among those that share the connections. */
const ID = 0;
/** Of a place, with its part of what finds it. */
const OCTETS_EACH = 40;
/** At least so many of the connections must be remembered. */
const REMEMBERED = 0.99;

export const connections: Axis = {
  name: 'connections',
  sizes: () =>
    [0, 100, 1000, 10_000, 100_000].map((at) => {
      const batch = acks(at === 0 ? 100_000 : at);
      const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
      const before = Array.from({ length: SIZE.N / 2 }, (_, i) => ({ fwmark: 101 + i }));
      table.activate(before);
      // All buckets are in transition.
      if (at > 0)
        table.setTargets(
          before.map(({ fwmark }) => ({ fwmark: fwmark + 1000 })),
          { now: 0, seconds: 3600 },
        );
      const remembered = new ConnectionSet(ConnectionSet.createMemory(ROOM, [1, 2]), ROOM);
      const balancer = new Balancer(new FwmarkLookup(table, remembered, ID), { connections: remembered });
      // The first packet of each has it remembered.
      const measure = deciding(balancer, batch);
      if (remembered.counts.remembered < REMEMBERED * at)
        throw new Error(`${remembered.counts.remembered} of ${at} connections are remembered`);
      return { at, octets: at * OCTETS_EACH, measure };
    }),
};

function acks(count: number): PacketBatch {
  return spreadOver(count, (which) => {
    const [address, port] = client(which);
    const octets = packet().ipv4(address, '192.0.2.1').tcp(port, 443).payload(16).build();
    // ACK alone, behind 20 octets of IP and 13 of TCP.
    octets[33] = 0x10;
    return octets;
  });
}
