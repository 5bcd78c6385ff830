import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TargetTable } from '@nfqlb/core';
import type { Axis } from './axis.js';
import type { GrowthTask } from './growth-thread.js';

const SIZE = { M: 65_537, N: 100 };

export const queues: Axis = {
  name: 'queues',
  sizes: () => [1, 2, 4].map((at) => ({ at, octets: 4 * SIZE.M, measure: () => decidingIn(at) })),
};

/** Mean nanoseconds per packet of so many threads, which begin together. */
async function decidingIn(threads: number): Promise<number> {
  const memory = new SharedArrayBuffer(TargetTable.byteLength(SIZE));
  TargetTable.create(memory, SIZE).activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
  const start = new SharedArrayBuffer(4);
  const times = await Promise.all(
    Array.from({ length: threads }, () => {
      const workerData: GrowthTask = { memory, start, threads };
      const worker = new Worker(fileURLToPath(new URL('growth-thread.js', import.meta.url)), { workerData });
      return new Promise<number>((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
    }),
  );
  return times.reduce((sum, time) => sum + time, 0) / threads;
}
