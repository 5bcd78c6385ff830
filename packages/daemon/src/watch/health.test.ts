import { FragmentTable, LockWatch, STATISTICS_LENGTH } from '@nfqlb/core';
import { HASH_KEY } from '@nfqlb/core/testing';
import type { KernelQueue } from '@nfqlb/native';
import { expect, test } from 'vitest';
import { Counters, WorkerCounters } from '../shared/counters.js';
import { Health } from './health.js';

/** `Queue.clock` after a turn of this many milliseconds. */
const took = (milliseconds: number): Float64Array => Float64Array.of(0, milliseconds);

const LENGTH = 100;

/** Two queues that are checked every 100 ms. */
function watching(): {
  readonly health: Health;
  readonly workers: readonly WorkerCounters[];
  readonly kernel: KernelQueue[];
  readonly looks: (count: number, turning: readonly number[], packets?: number) => void;
  /** Acquires or releases the lock of a fragment table bucket. */
  readonly hold: (bucket: number, held: boolean) => void;
} {
  const counters = new Counters(2);
  const workers = [0, 1].map((worker) => new WorkerCounters(counters.memory, worker));
  const options = { size: 5, buckets: 0, fragments: 0, mtu: 1500, ttl: 200, holes: 0 };
  const memory = FragmentTable.createMemory(options, HASH_KEY);
  const table = new FragmentTable(memory, options, new Uint32Array(STATISTICS_LENGTH / 4));
  const health = new Health({ first: 2, last: 3 }, LENGTH, counters, new LockWatch(memory, table, options.size));
  const kernel = [2, 3].map((queue) => ({ queue, portId: 1000 + queue, waiting: 0, queueDropped: 0, socketDropped: 0 }));
  return {
    health,
    workers,
    kernel,
    hold: (bucket, held) => {
      new Int32Array(memory)[table.lockAt(bucket)] = held ? 1 : 0;
    },
    looks: (count, turning, packets = 0) => {
      for (let i = 0; i < count; i++) {
        for (const worker of turning) workers[worker]!.countTurn(packets, took(0.01));
        health.look(kernel, 100);
      }
    },
  };
}

test('reports that it is starting, until the first check', () => {
  const { health, looks } = watching();
  expect(health.problems).toEqual(['it is starting']);
  looks(1, [0, 1]);
  expect(health.problems).toEqual([]);
});

test('a worker is stuck if it makes no turn for 2 s, until it makes one', () => {
  const { health, looks } = watching();
  looks(20, [0]);
  expect(health.problems).toEqual([]);
  expect(health.stalled(1)).toBe(0);
  looks(1, [0]);
  expect(health.problems).toEqual(['queue 3: its worker is stuck: no turn of its loop for 2.0 s']);
  looks(10, [0]);
  expect([health.stalled(0), health.stalled(1)]).toEqual([0, 3]);
  looks(1, [1]);
  expect(health.problems).toEqual([]);
});

test('a full queue is a problem only if none of its packets is answered for 2 s', () => {
  const { health, looks, kernel } = watching();
  kernel[0] = { ...kernel[0]!, waiting: LENGTH };
  looks(50, [0, 1], 1);
  expect(health.problems).toEqual([]);
  looks(20, [0, 1]);
  expect(health.problems).toEqual(['queue 2: it is full and none of its packets is answered, for 2.0 s']);
  kernel[0] = { ...kernel[0]!, waiting: LENGTH - 1 };
  looks(1, [0, 1]);
  expect(health.problems).toEqual([]);
});

test('reports a queue that nobody, or another program, listens to', () => {
  const { health, looks, kernel } = watching();
  looks(1, [0, 1]);
  const [mine] = kernel.splice(0, 1);
  looks(1, [0, 1]);
  expect(health.problems).toEqual(['queue 2: nobody listens to it any more: its packets are dropped']);
  kernel.push({ ...mine!, portId: 77 });
  looks(1, [0, 1]);
  expect(health.problems).toEqual(['queue 2: another program listens to it (netlink port 77)']);
  expect([health.isBound(0), health.isBound(1)]).toEqual([false, true]);
});

test('is healthy even if the kernel queues cannot be read', () => {
  const { health, looks, workers } = watching();
  looks(1, [0, 1]);
  for (let i = 0; i < 30; i++) {
    for (const worker of workers) worker.countTurn(0, took(0));
    health.look(undefined, 100);
  }
  expect(health.problems).toEqual([]);
});

test('a bucket of the fragment table that stays locked for 2 s is reported, until it is released', () => {
  const { health, looks, hold } = watching();
  hold(3, true);
  looks(20, [0, 1]);
  expect(health.problems).toEqual([]);
  looks(1, [0, 1]);
  expect(health.problems).toEqual([
    'fragment table: bucket 3 has been locked for 2.0 s: a worker died holding it; restart the load balancer',
  ]);
  hold(3, false);
  looks(1, [0, 1]);
  expect(health.problems).toEqual([]);
});
