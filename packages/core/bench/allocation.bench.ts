// Shows that deciding a packet allocates nothing.
//
// Without garbage collections, which are counted, the used heap grows by exactly what is allocated. The measurement itself also allocates,
// regardless of the number of packets: this is measured without any packet, and subtracted.

import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import {
  Balancer,
  ConnectionSet,
  FragmentTable,
  type FragmentTableOptions,
  FwmarkLookup,
  STATISTICS_LENGTH,
  TargetTable,
} from '@nfqlb/core';
import { report } from './goal.js';
import { batchOf, decideBatch, FRAGMENTS, PACKETS, TRAFFIC, type Traffic } from './traffic.js';

const MILLION = 1_000_000;
const SIZE = { M: 65537, N: 100 };

const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
const options: FragmentTableOptions = { size: 8191, buckets: 8191, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };
const fragments = new FragmentTable(FragmentTable.createMemory(options, [1, 2]), options, new Uint32Array(STATISTICS_LENGTH / 4));
const balancer = new Balancer(new FwmarkLookup(table), { fragments });
// All buckets are in transition. There is room for a tenth of the connections, so all ways are taken: known, remembered, and no room.
const drained = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
drained.activate([{ fwmark: 101 }]);
drained.setTargets([{ fwmark: 102 }], { now: 0, seconds: 3600 });
const room = { connections: Math.floor(PACKETS / 10) };
const connections = new ConnectionSet(ConnectionSet.createMemory(room, [1, 2]), room);
const draining = new Balancer(new FwmarkLookup(drained, connections), { fragments, connections, drainsOthers: true });
const batch = batchOf(...(Object.keys(TRAFFIC) as Traffic[]), ...FRAGMENTS);

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ['gc'] });

/** Octets by which the used heap and external memory grow while this many packets are decided. */
function growth(of: Balancer, packets: number): number {
  const before = getHeapStatistics();
  for (let decided = 0; decided < packets; decided += PACKETS) {
    // Some end, and are begun anew.
    connections.now += 1000;
    decideBatch(of, batch, PACKETS);
  }
  const after = getHeapStatistics();
  return after.used_heap_size - before.used_heap_size + (after.external_memory - before.external_memory);
}

// The engine itself allocates something from time to time, for example when it recompiles code. An allocation per packet would show in every run:
// at 16 octets, the smallest object, it would be 160 MB. So the smallest run counts.
const packets = 10 * MILLION;
const RUNS = 7;

for (const [name, of] of [
  ['of all kinds, fragments too', balancer],
  ['the same in buckets in transition', draining],
] as const) {
  // Until the optimizing compiler has run, intermediate results may be objects.
  for (let i = 0; i < 10; i++) growth(of, MILLION);
  await sleep(100);
  collections = 0;
  const measuring = Math.min(...Array.from({ length: RUNS }, () => growth(of, 0)));
  const octets = Math.min(...Array.from({ length: RUNS }, () => growth(of, packets))) - measuring;
  // The observer is notified in a later turn of the event loop.
  await sleep(100);
  console.log(
    `${packets / MILLION} million packets ${name}, the smallest of ${RUNS} runs (the measurement itself takes ${measuring} octets)`,
  );
  report('allocated for all of them', octets, 'octets', 0);
  report('garbage collections', collections, '', 0);
  if (octets > 0 || collections > 0) process.exitCode = 1;
}
