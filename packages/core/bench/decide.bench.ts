// Cost of deciding a packet: from its octets in the receive region to its fwmark.

import { Balancer, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { measure } from 'mitata';
import { report } from './goal.js';
import { batchOf, decideBatch, PACKETS, TRAFFIC, type Traffic } from './traffic.js';

const SIZE = { M: 65537, N: 100 };

/** Goal by IP version, in nanoseconds per packet. */
const GOAL_NS = { IPv4: 100, IPv6: 150 };

const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
const balancer = new Balancer(new FwmarkLookup(table));
const withKey = { ...SIZE, hashKey: [1, 2] as const };
const keyedTable = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(withKey)), withKey);
keyedTable.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
const keyed = new Balancer(new FwmarkLookup(keyedTable));

const kinds = Object.keys(TRAFFIC) as Traffic[];
const single = kinds.map((kind) => [kind, batchOf(kind)] as const);
const mixed = batchOf(...kinds);

// In a program, all kinds run through the same compiled code, so let it see all of them before measuring one.
for (let i = 0; i < 200; i++) for (const [, batch] of [...single, ['', mixed] as const]) decideBatch(balancer, batch, PACKETS);

console.log(`deciding a packet, M=${SIZE.M}, N=${SIZE.N}, ${PACKETS} different packets`);
for (const [kind, batch] of single)
  report(kind, await nanosecondsPerPacket(batch), 'ns', kind.includes('v6') ? GOAL_NS.IPv6 : GOAL_NS.IPv4);
report('all of these mixed', await nanosecondsPerPacket(mixed), 'ns', GOAL_NS.IPv6);
for (const [kind, batch] of [...single, ['all of these mixed', mixed] as const]) {
  report(`with a hash key: ${kind}`, await nanosecondsPerPacket(batch, keyed), 'ns', GOAL_NS.IPv6);
}

/** Median over many runs of the batch. */
async function nanosecondsPerPacket(batch: PacketBatch, by = balancer): Promise<number> {
  if (batch.length.some((_, i) => batch.mark[i]! < 101)) throw new Error('a packet of the benchmark has no target');
  const { p50 } = await measure(() => decideBatch(by, batch, PACKETS), { min_cpu_time: 0.5e9 });
  return p50 / PACKETS;
}
