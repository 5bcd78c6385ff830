// A thread of fragments.bench.ts: decides the same known fragment repeatedly.

import { parentPort, workerData } from 'node:worker_threads';
import { Balancer, FragmentTable, type FragmentTableOptions, FwmarkLookup, STATISTICS_LENGTH, TargetTable } from '@nfqlb/core';
import { fragments, packet } from '@nfqlb/core/testing';

export interface ContentionTask {
  readonly memory: SharedArrayBuffer;
  readonly options: FragmentTableOptions;
  /** Counts the threads that are ready. */
  readonly start: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
}

const FRAGMENTS = 2_000_000;

const { memory, options, start, thread, threads } = workerData as ContentionTask;
const SIZE = { M: 997, N: 32 };
const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate([{ fwmark: 101 }]);
const balancer = new Balancer(new FwmarkLookup(table), {
  fragments: new FragmentTable(memory, options, new Uint32Array(STATISTICS_LENGTH / 4)),
});
const [first, later] = fragments(packet().ipv4('10.0.0.2', '192.0.2.1').udp(4711, 53).payload(2000).build(), 1500, thread + 1);
const decide = (octets: Uint8Array): number => balancer.decide(octets, 0, octets.length, 0x0800);
if (decide(first!) !== 101) throw new Error('no room for the first fragment');
for (let i = 0; i < 200_000; i++) decide(later!);

const ready = new Int32Array(start);
Atomics.add(ready, 0, 1);
while (Atomics.load(ready, 0) < threads) Atomics.wait(ready, 0, Atomics.load(ready, 0), 1);
const begin = performance.now();
for (let i = 0; i < FRAGMENTS; i++) if (decide(later!) !== 101) throw new Error('the fragment is not known');
parentPort!.postMessage(((performance.now() - begin) * 1e6) / FRAGMENTS);
