// The loop of one queue, in a thread of its own: receive, decide, settle. The main thread speaks to it through `Control`, which it
// reads between two batches; the event loop never turns while it runs.

import { parentPort, workerData } from 'node:worker_threads';
import { Balancer, FwmarkLookup, type PacketBatch } from '@nfqlb/core';
import { Queue } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { openTable, type SharedTable } from '../table/shared-table.js';
import { Control } from './control.js';
import { WorkerCounters } from './counters.js';
import type { WorkerMessage, WorkerOptions } from './worker-options.js';

/**
 * Octets of a packet that are looked at: the headers. 512 holds any chain of IP headers seen in practice, an ICMP error's
 * quote included; what is longer is malformed here.
 */
const COPY_RANGE = 512;

/** Packets of a batch, at most: 256 of them take a quarter of a megabyte, which stays in a core's cache. */
const BATCH = 256;

/** Longest wait for packets, in milliseconds: how late a failed try to map a new table is repeated when there is no traffic. */
const TIMEOUT = 200;

/** Longest time to answer what still waits in the queue when told to stop, in milliseconds. */
const LAST_CALL = 300;

class LoadBalancer {
  readonly #options: WorkerOptions;
  readonly #control: Control;
  readonly #counters: WorkerCounters;
  readonly #queue: Queue;
  #table: SharedTable;
  #balancer: Balancer;
  #tableEpoch: number;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#control = new Control(options.control);
    this.#counters = new WorkerCounters(options.counters, options.worker);
    this.#tableEpoch = this.#control.tableEpoch;
    this.#table = openTable(options.table);
    this.#balancer = newBalancer(this.#table, options);
    const { queue, queueLength: length, linger, wakeup } = options;
    this.#queue = new Queue({ queue, length, copyRange: COPY_RANGE, batch: BATCH, wakeup, timeout: TIMEOUT, linger });
  }

  run(): void {
    while (!this.#control.stopping) {
      const count = this.#queue.receive();
      // Not intact: C nfqlb's `init` over a table in use cuts it short and writes it anew in place.
      if (this.#control.tableEpoch !== this.#tableEpoch || !this.#table.table.intact) this.#renewTable();
      this.#answer(count);
    }
    const until = performance.now() + LAST_CALL;
    for (let count = 1; count > 0 && performance.now() < until; ) {
      count = this.#queue.receiveWaiting();
      this.#answer(count);
    }
    this.#queue.close();
  }

  #answer(count: number): void {
    if (count === 0) return;
    const { batch } = this.#queue;
    this.#balancer.refresh();
    this.#decide(batch, count);
    this.#queue.settle(count);
    this.#counters.countBatch(count);
    this.#counters.setVerdictErrors(this.#queue.errors);
  }

  #decide({ bytes, offset, length, etherType, mark }: PacketBatch, count: number): void {
    const balancer = this.#balancer;
    const counters = this.#counters;
    for (let i = 0; i < count; i++) {
      const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
      mark[i] = fwmark;
      counters.count(fwmark, balancer.reason);
    }
  }

  /** Maps the table that the name leads to now. While that is not whole yet, the one in hand serves on. */
  #renewTable(): void {
    const epoch = this.#control.tableEpoch;
    let table: SharedTable | undefined;
    try {
      table = openTable(this.#options.table);
      this.#balancer = newBalancer(table, this.#options);
    } catch {
      table?.memory.close();
      return;
    }
    this.#table.memory.close();
    this.#table = table;
    this.#tableEpoch = epoch;
  }
}

function newBalancer({ table }: SharedTable, options: WorkerOptions): Balancer {
  return new Balancer(new FwmarkLookup(table), options.balancer);
}

const tell = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  const loadBalancer = new LoadBalancer(workerData as WorkerOptions);
  tell({ type: 'listening' });
  loadBalancer.run();
} catch (error) {
  tell({ type: 'failed', message: describeFailure(error) });
}
