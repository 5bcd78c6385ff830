// What it costs to decide packets of buckets in transition, next to the same packets in a table at rest.

import { Balancer, ConnectionSet, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { report } from './goal.js';
import { batchOf, decideBatch, PACKETS, type Traffic } from './traffic.js';

const SIZE = { M: 65537, N: 100 };
/** Id of the table among those that share the connections. */
const ID = 0;
/** More per packet of a bucket in transition, in nanoseconds. */
const GOAL_NS = 30;
/** Time per packet with a tenth of the buckets in transition, next to none. */
const GOAL_RATIO = 1.05;
const ROUNDS = 120;
/** Connections whose places, with all else, stay in a processor's own cache. */
const FEW = 512;
/** Of TCP over IPv4 and IPv6: where its flags are, in octets from the IP header. */
const TCP_FLAGS = { 'TCP over IPv4': 33, 'TCP over IPv6': 53 } as const satisfies Partial<Record<Traffic, number>>;
const SYN = 0x02;
const ACK = 0x10;

interface Subject {
  readonly balancer: Balancer;
  readonly connections: ConnectionSet;
}

/** @param share of the buckets that are in transition, about */
function subject(share: number): Subject {
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
  return { balancer: new Balancer(new FwmarkLookup(table, connections, ID), { connections }), connections };
}

/** Like the batch, but with other TCP flags. */
function withFlags(batch: PacketBatch, at: number, flags: number): PacketBatch {
  const bytes = batch.bytes.slice();
  for (const offset of batch.offset) bytes[offset + at] = flags;
  return { ...batch, bytes };
}

const forget = ({ connections }: Subject): void => connections.sweep(ID, () => false);

for (const kind of Object.keys(TCP_FLAGS) as (keyof typeof TCP_FLAGS)[]) {
  const acks = withFlags(batchOf(kind), TCP_FLAGS[kind], ACK);
  const syns = withFlags(acks, TCP_FLAGS[kind], SYN);
  const [rest, tenth, all, fresh] = [subject(0), subject(0.1), subject(1), subject(1)];
  const cases = [
    { name: 'at rest', on: rest, batch: acks, prepare: () => {} },
    { name: 'at rest', on: rest, batch: acks, prepare: () => {}, count: FEW },
    { name: `of a known connection, one of ${FEW}`, on: all, batch: acks, prepare: () => {}, count: FEW },
    { name: `of a known connection, one of ${PACKETS}`, on: all, batch: acks, prepare: () => {} },
    { name: 'of an unknown one, which is remembered', on: fresh, batch: acks, prepare: forget },
    { name: 'a SYN, which is remembered', on: fresh, batch: syns, prepare: forget },
    { name: 'a tenth', on: tenth, batch: acks, prepare: () => {} },
  ];
  const times: number[][] = cases.map(() => []);
  // In turns of less than a millisecond, because the speed of a machine varies from moment to moment.
  for (let round = -ROUNDS; round < ROUNDS; round++) {
    for (const [i, { on, batch, prepare, count = PACKETS }] of cases.entries()) {
      // Into the caches what the other turns have displaced.
      decideBatch(on.balancer, batch, PACKETS);
      decideBatch(on.balancer, batch, count);
      prepare(on);
      const begin = performance.now();
      for (let decided = 0; decided < PACKETS; decided += count) decideBatch(on.balancer, batch, count);
      if (round >= 0) times[i]!.push(((performance.now() - begin) * 1e6) / PACKETS);
    }
  }
  for (const { connections } of [all, fresh]) {
    if (connections.counts.remembered !== PACKETS) throw new Error('not all connections are remembered');
  }
  // The lower quartile: other programs only ever add.
  const costs = times.map((each) => each.toSorted((a, b) => a - b)[ROUNDS / 4]!);
  const [atRest, fewAtRest] = costs as [number, number];
  console.log(`${kind}, M=${SIZE.M}: at rest ${atRest.toFixed(1)} ns; more in transition, for a packet`);
  for (const [i, { name, count }] of cases.slice(2, -1).entries())
    report(`  ${name}`, costs[i + 2]! - (count === FEW ? fewAtRest : atRest), 'ns', GOAL_NS);
  report('  times, with a tenth in transition', costs.at(-1)! / atRest, '', GOAL_RATIO, 3);
}
