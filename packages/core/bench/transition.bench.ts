// What it costs to decide packets of buckets in transition, next to the same packets in a table at rest; and fingerprints next to exact keys.

import { Balancer, ConnectionSet, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { measure } from 'mitata';
import { report } from './goal.js';
import { batchOf, decideBatch, PACKETS } from './traffic.js';

const SIZE = { M: 65537, N: 100 };
/** More per packet of a bucket in transition, in nanoseconds. */
const GOAL_NS = 30;

/** @param share of the buckets that change */
function balancerOf(share: number): { balancer: Balancer; connections: ConnectionSet } {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
  const targets = Array.from({ length: SIZE.N / 2 }, (_, i) => ({ fwmark: 101 + i }));
  table.activate(targets);
  const connections = new ConnectionSet(ConnectionSet.createMemory({}, [1, 2]));
  const left = targets.slice(0, Math.round(targets.length * share)).map(({ fwmark }) => fwmark);
  if (left.length === targets.length)
    table.setTargets(
      targets.map(({ fwmark }) => ({ fwmark: fwmark + 1000 })),
      { now: 0, seconds: 3600 },
    );
  else if (left.length > 0) table.deactivate(left, { now: 0, seconds: 3600 });
  return { balancer: new Balancer(new FwmarkLookup(table, connections), { connections }), connections };
}

async function nanoseconds(balancer: Balancer, batch: PacketBatch): Promise<number> {
  // All connections are remembered then.
  for (let i = 0; i < 200; i++) decideBatch(balancer, batch, PACKETS);
  const { p50 } = await measure(() => decideBatch(balancer, batch, PACKETS), { min_cpu_time: 0.5e9 });
  return p50 / PACKETS;
}

console.log(`deciding a packet of a remembered connection, M=${SIZE.M}, ${PACKETS} different connections`);
for (const kind of ['TCP over IPv4', 'TCP over IPv6'] as const) {
  const batch = batchOf(kind);
  const [rest, tenth, all] = [balancerOf(0), balancerOf(0.1), balancerOf(1)];
  // Interleaved, because timings vary from minute to minute.
  const costs = [[], [], []] as [number[], number[], number[]];
  for (let run = 0; run < 5; run++) {
    for (const [i, { balancer }] of [rest, tenth, all].entries()) costs[i]!.push(await nanoseconds(balancer, batch));
  }
  const [atRest, someChange, allChange] = costs.map((each) => each.toSorted((a, b) => a - b)[2]!) as [number, number, number];
  if (all.connections.counts.remembered !== PACKETS) throw new Error('not all connections are remembered');
  console.log(`${kind}: at rest ${atRest.toFixed(1)} ns`);
  report('  more with all buckets in transition', allChange - atRest, 'ns', GOAL_NS);
  report('  more with a tenth in transition', someChange - atRest, 'ns', GOAL_NS / 10);
}
