// A thread of queues.ts: decides packets with a table that all threads share, as workers do.

import { parentPort, workerData } from 'node:worker_threads';
import { Balancer, FwmarkLookup, TargetTable } from '@nfqlb/core';
import { deciding, udp } from './subjects.js';

export interface GrowthTask {
  /** The target table. */
  readonly memory: SharedArrayBuffer;
  /** Counts the threads that are ready. */
  readonly start: SharedArrayBuffer;
  readonly threads: number;
}

/** Fewer than elsewhere: each thread makes its own. */
const PACKETS = 2 ** 15;
const WARM_UP = 10;
const MEASUREMENTS = 10;

const { memory, start, threads } = workerData as GrowthTask;
const measure = deciding(new Balancer(new FwmarkLookup(TargetTable.open(memory))), udp(PACKETS));
for (let i = 0; i < WARM_UP; i++) measure();
const ready = new Int32Array(start);
Atomics.add(ready, 0, 1);
while (Atomics.load(ready, 0) < threads) Atomics.wait(ready, 0, Atomics.load(ready, 0), 1);
// The median leaves out pauses in which a thread had no CPU, unless there are more threads than CPUs: so the mean of all.
let sum = 0;
for (let i = 0; i < MEASUREMENTS; i++) sum += measure();
parentPort!.postMessage(sum / MEASUREMENTS);
