// Cost of fragments: known ones in one thread, and when threads contend for the same bucket.

import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Balancer, FragmentTable, type FragmentTableOptions, FwmarkLookup, STATISTICS_LENGTH, TargetTable } from '@nfqlb/core';
import { fragments, HASH_KEY, packet } from '@nfqlb/core/testing';
import { measure } from 'mitata';
import type { ContentionTask } from './contention-thread.js';
import { report } from './goal.js';
import { decideBatch, packetBatch } from './traffic.js';

const SIZE = { M: 65537, N: 100 };
const GOAL_NS = 200;
/** Known datagrams, and packets in a batch: nearly the default number of buckets of `nfqlb lb`. */
const DATAGRAMS = 400;
const SLOT = 2048;

const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));

const FAMILIES = {
  'a known fragment over IPv4': packet().ipv4('10.0.0.2', '192.0.2.1'),
  'a known fragment over IPv6': packet().ipv6('2001:db8::2', '2001:db8::1'),
};
const OPTIONS: FragmentTableOptions = { size: 500, buckets: 500, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };

console.log(`deciding a later fragment, ${DATAGRAMS} datagrams known, table of ${OPTIONS.size} buckets`);
for (const [name, ip] of Object.entries(FAMILIES)) {
  for (const [how, holes] of [
    ['', 0],
    [', holes followed', 2 * DATAGRAMS],
  ] as const) {
    const options = { ...OPTIONS, holes };
    const trains = Array.from({ length: DATAGRAMS }, (_, i) =>
      fragments(
        ip
          .udp(1024 + i, 53)
          .payload(4000)
          .build(),
        1500,
        i + 1,
      ),
    );
    const balancer = new Balancer(new FwmarkLookup(table), {
      fragments: new FragmentTable(FragmentTable.createMemory(options, HASH_KEY), options, new Uint32Array(STATISTICS_LENGTH / 4)),
    });
    const first = packetBatch(DATAGRAMS, SLOT, (i) => trains[i]![0]!);
    decideBatch(balancer, first, DATAGRAMS);
    const later = packetBatch(DATAGRAMS, SLOT, (i) => trains[i]![1]!);
    for (let i = 0; i < 100; i++) decideBatch(balancer, later, DATAGRAMS);
    if (later.mark.some((mark, i) => mark !== first.mark[i])) throw new Error('a fragment of the benchmark is not known');
    const { p50 } = await measure(() => decideBatch(balancer, later, DATAGRAMS), { min_cpu_time: 0.5e9 });
    report(name + how, p50 / DATAGRAMS, 'ns', GOAL_NS);
  }
}

console.log('\ncost of a fragment in each thread, and the throughput of all threads');
for (const threads of [1, 2, 4]) {
  for (const shared of threads === 1 ? [false] : [false, true]) {
    const nanoseconds = await contend(threads, shared);
    const each = nanoseconds.reduce((sum, value) => sum + value, 0) / threads;
    const total = nanoseconds.reduce((sum, value) => sum + 1000 / value, 0);
    const where = threads === 1 ? 'one bucket' : shared ? 'all on one bucket' : 'a bucket each';
    console.log(
      `${`${threads} threads, ${where}`.padEnd(40)}${each.toFixed(1).padStart(9)} ns   ${total.toFixed(1).padStart(6)} million/s`,
    );
  }
}

/** Nanoseconds per fragment, by thread, in wall-clock time: threads share the processors. */
async function contend(threads: number, shared: boolean): Promise<number[]> {
  const options: FragmentTableOptions = { ...OPTIONS, size: shared ? 1 : 500, buckets: 100 };
  const memory = FragmentTable.createMemory(options, HASH_KEY);
  const start = new SharedArrayBuffer(4);
  return Promise.all(
    Array.from({ length: threads }, (_, thread) => {
      const workerData: ContentionTask = { memory, options, start, thread, threads };
      const worker = new Worker(fileURLToPath(new URL('contention-thread.js', import.meta.url)), { workerData });
      return new Promise<number>((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', reject);
      });
    }),
  );
}
