// The main thread of `nfqlb lb`: starts a worker for each queue, watches the table's name and the kernel's counters, stops.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type BalancerOptions, REASON_NAMES } from '@nfqlb/core';
import { SharedMemory, Wakeup } from '@nfqlb/native';
import type { QueueRange } from '@nfqlb/options';
import { openTable } from '../table/shared-table.js';
import { Control } from './control.js';
import { Counters, type Counts } from './counters.js';
import { createFragmentStatistics } from './fragment-statistics.js';
import { type KernelQueue, readKernelQueues } from './kernel-queues.js';
import { log } from './log.js';
import type { WorkerMessage, WorkerOptions } from './worker-options.js';

export interface LoadBalancingOptions {
  /** Shared-memory name of the target table. */
  readonly table: string;
  readonly queues: QueueRange;
  readonly queueLength: number;
  /** How long to let a small batch grow, in microseconds. */
  readonly linger: number;
  readonly balancer: BalancerOptions;
  /** Shared-memory name of the fragment table's statistics. */
  readonly fragmentStatistics: string;
}

/** How often the table's name and the kernel's counters are looked at, in milliseconds. */
const WATCH_INTERVAL = 100;

/** Longest wait for the workers to end; they need a third of it. In milliseconds. */
const STOP_PATIENCE = 900;

/** A worker that cannot go on: the message says why. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly code = 'WORKER';
}

/** Load-balances until SIGTERM or SIGINT. Rejects when the table is not there, a queue cannot be had, or a worker fails. */
export async function balanceLoad(options: LoadBalancingOptions): Promise<void> {
  const { table, memory } = openTable(options.table);
  const identity = memory.identity;
  const active = table.active.filter((fwmark) => fwmark >= 0).length;
  const about = `table ${options.table} (M=${table.M}, N=${table.N}, ${active} targets)`;
  memory.close();

  const { first, last } = options.queues;
  const control = new Control();
  const counters = new Counters(last - first + 1);
  const stopped = stopSignal();
  const workers: RunningWorker[] = [];
  let watch: NodeJS.Timeout | undefined;
  try {
    for (let queue = first; queue <= last; queue++) workers.push(await startWorker(queue, options, control, counters));
    createFragmentStatistics(options.fragmentStatistics);
    log(`listening on queue${first === last ? ` ${first}` : `s ${first} to ${last}`}, ${about}`);
    const watcher = new Watcher(options, identity, () => {
      control.renewTable();
      for (const { wakeup } of workers) wakeup.signal();
    });
    watch = setInterval(() => watcher.look(), WATCH_INTERVAL);
    await Promise.race([stopped, ...workers.map(({ failed }) => failed)]);
  } finally {
    clearInterval(watch);
    control.stop();
    for (const { wakeup } of workers) wakeup.signal();
    await Promise.race([Promise.all(workers.map(({ ended }) => ended)), pause(STOP_PATIENCE)]);
    for (const { wakeup } of workers) wakeup.close();
    if (watch) log(`stopped: ${describe(counters.sum())}`);
  }
}

interface RunningWorker {
  readonly wakeup: Wakeup;
  /** Rejects when the worker cannot go on. */
  readonly failed: Promise<never>;
  readonly ended: Promise<void>;
}

/** Resolves when the worker listens to its queue. */
async function startWorker(queue: number, options: LoadBalancingOptions, control: Control, counters: Counters): Promise<RunningWorker> {
  const wakeup = new Wakeup();
  const { table, queueLength, linger, balancer, queues } = options;
  const workerData: WorkerOptions = {
    worker: queue - queues.first,
    queue,
    queueLength,
    linger,
    table,
    balancer,
    wakeup: wakeup.fd,
    control: control.memory,
    counters: counters.memory,
  };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
  const ended = once(worker, 'exit').then(() => {});
  const failed = new Promise<never>((_, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'failed') reject(new WorkerFailure(message.message));
    });
  });
  // Whoever is told first is enough.
  failed.catch(() => {});
  const listening = new Promise<void>((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'listening') resolve();
    });
  });
  await Promise.race([listening, failed]);
  return { wakeup, failed, ended };
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds).unref());

/** Notices what changes outside: another table under the name, packets that the kernel dropped. Says it once. */
class Watcher {
  readonly #options: LoadBalancingOptions;
  readonly #renew: () => void;
  #identity: string | undefined;
  #missing = false;
  #drops = new Map<number, number>();

  constructor(options: LoadBalancingOptions, identity: string, renew: () => void) {
    this.#options = options;
    this.#identity = identity;
    this.#renew = renew;
  }

  look(): void {
    this.#lookAtTable();
    this.#lookAtQueues();
  }

  #lookAtTable(): void {
    const name = this.#options.table;
    const identity = SharedMemory.identity(name);
    if (identity === undefined) {
      if (!this.#missing) log(`table ${name} was deleted; its targets stay until there is another`);
      this.#missing = true;
      return;
    }
    if (identity === this.#identity) return;
    try {
      openTable(name).memory.close();
    } catch {
      // Not written yet: C nfqlb fills a table in place. Look again.
      return;
    }
    this.#identity = identity;
    this.#missing = false;
    log(`table ${name} is another one now: taken up`);
    this.#renew();
  }

  #lookAtQueues(): void {
    const { first, last } = this.#options.queues;
    for (const queue of this.#ownQueues(first, last)) {
      const dropped = queue.queueDropped + queue.socketDropped;
      const before = this.#drops.get(queue.queue) ?? 0;
      this.#drops.set(queue.queue, dropped);
      if (dropped > before) {
        log(
          `queue ${queue.queue}: the kernel dropped ${dropped - before} packets (queue full ${queue.queueDropped}, socket full ${queue.socketDropped} in all)`,
        );
      }
    }
  }

  #ownQueues(first: number, last: number): KernelQueue[] {
    try {
      return readKernelQueues().filter(({ queue }) => queue >= first && queue <= last);
    } catch {
      return [];
    }
  }
}

function describe({ packets, batches, accepted, dropped, verdictErrors }: Counts): string {
  const reasons = (counts: readonly number[]): string =>
    counts.flatMap((count, reason) => (count > 0 ? [`${REASON_NAMES[reason]} ${count}`] : [])).join(', ') || 'none';
  return `${packets} packets in ${batches} batches; accepted: ${reasons(accepted)}; dropped: ${reasons(dropped)}; errors: ${verdictErrors}`;
}
