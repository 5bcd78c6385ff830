// The loop of one queue, in a thread of its own: receive, decide, settle. The main thread speaks to it through `Control`, which it
// reads between two batches; the event loop never turns while it runs.

import { parentPort, workerData } from 'node:worker_threads';
import type { Balancer, FragmentTable } from '@nfqlb/core';
import { PacketWriter, Queue } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { fragmentTableOf } from '../fragments/shared-fragments.js';
import { Control } from '../shared/control.js';
import { WorkerCounters } from '../shared/counters.js';
import { BatchDecider } from './batch-decider.js';
import { MappedTable } from './mapped-table.js';
import { PacketTap } from './packet-tap.js';
import { openTargets, type Targets } from './targets.js';
import type { WorkerMessage, WorkerOptions } from './worker-options.js';

/**
 * Octets of a packet that are looked at: the headers. 512 holds any chain of IP headers seen in practice, an ICMP error's
 * quote included; what is longer is malformed here.
 */
const HEADERS = 512;

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
  readonly #fragments: FragmentTable;
  readonly #targets: Targets;
  readonly #tier: MappedTable | undefined;
  readonly #tap: PacketTap;
  readonly #decider: BatchDecider;
  readonly #tun: PacketWriter | undefined;
  #balancer: Balancer;
  #tableEpoch: number;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#control = new Control(options.control);
    this.#counters = new WorkerCounters(options.counters, options.worker);
    this.#tun = options.tun === undefined ? undefined : new PacketWriter(options.tun);
    this.#fragments = fragmentTableOf(options.fragments, options.worker, (bytes, at, length) => this.#reinject(bytes, at, length));
    this.#tableEpoch = this.#control.tableEpoch;
    this.#targets = openTargets(options);
    this.#tier = options.tier === undefined ? undefined : new MappedTable(options.tier);
    this.#balancer = this.#newBalancer();
    this.#tap = new PacketTap(options.tap);
    this.#decider = new BatchDecider(this.#counters, this.#tap);
    const { queue, queueLength: length, linger, wakeup } = options;
    const { fragments: stored, mtu } = options.fragments.options;
    // What is stored must be there as a whole.
    const copyRange = stored > 0 ? Math.max(HEADERS, mtu) : HEADERS;
    this.#queue = new Queue({ queue, length, copyRange, batch: BATCH, wakeup, timeout: TIMEOUT, linger });
  }

  run(): void {
    while (!this.#control.stopping) {
      const count = this.#targets.hasPendingWork ? this.#queue.receiveWaiting() : this.#queue.receive();
      if (this.#control.tableEpoch !== this.#tableEpoch || !this.#targets.intact || this.#tier?.intact === false) this.#renewTables();
      if (this.#targets.outdated) this.#targets.renew(this.#balancer);
      this.#answer(count);
    }
    const until = performance.now() + LAST_CALL;
    for (let count = 1; count > 0 && performance.now() < until; ) {
      count = this.#queue.receiveWaiting();
      this.#answer(count);
    }
    this.#queue.close();
    this.#tun?.close();
  }

  #answer(count: number): void {
    const { batch, clock } = this.#queue;
    if (count > 0) {
      this.#fragments.now = clock[0]!;
      this.#decider.decide(this.#balancer, batch, count, this.#tap.open(this.#targets.generation));
      this.#queue.settle(count);
      this.#counters.setVerdictErrors(this.#queue.errors);
    }
    this.#counters.countTurn(count, clock);
  }

  #reinject(bytes: Uint8Array, at: number, length: number): void {
    this.#counters.countReinjected(this.#tun!.write(bytes, at, length) === 0);
  }

  /** Maps the tables that the names lead to now. What is not whole yet will be tried again after the next batch. */
  #renewTables(): void {
    const epoch = this.#control.tableEpoch;
    const renewed = [this.#targets.renewTables(), this.#tier?.renew() ?? true];
    this.#balancer = this.#newBalancer();
    if (renewed.every((done) => done)) this.#tableEpoch = epoch;
  }

  #newBalancer(): Balancer {
    const tier = this.#tier ? { tier: this.#tier.lookup } : {};
    return this.#targets.balancer({ ...this.#options.balancer, ...tier, fragments: this.#fragments });
  }
}

const tell = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  const loadBalancer = new LoadBalancer(workerData as WorkerOptions);
  tell({ type: 'listening' });
  loadBalancer.run();
} catch (error) {
  tell({ type: 'failed', message: describeFailure(error) });
}
