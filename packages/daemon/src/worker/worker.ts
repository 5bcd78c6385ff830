// The loop of one queue, in a worker thread: receive, decide, settle. The main thread controls it through `Control`, which it reads between two
// batches; the thread's event loop does not run meanwhile.

import { parentPort, workerData } from 'node:worker_threads';
import type { Balancer, ConnectionSet, FragmentTable } from '@nfqlb/core';
import { PacketWriter, Queue, scheduleAsWorker } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { fragmentTableOf } from '../fragments/shared-fragments.js';
import { Control, Order } from '../shared/control.js';
import { WorkerCounters } from '../shared/counters.js';
import { connectionSetOf } from '../transition/shared-connections.js';
import { BatchDecider } from './batch-decider.js';
import { MappedTable } from './mapped-table.js';
import { PacketTap } from './packet-tap.js';
import { copyRangeOf, ENDURED_LENGTH } from './queue-socket.js';
import { openTargets, type Targets } from './targets.js';
import type { WorkerMessage, WorkerOptions } from './worker-options.js';

/** Maximum number of packets in a batch: 256 take a quarter of a megabyte, which fits into a core's cache. */
const MAX_BATCH = 256;

/** Maximum wait for packets. Without traffic, a failed attempt to map a new table is retried after this time. */
const RECEIVE_TIMEOUT_MS = 200;

/** Maximum time to answer the packets that wait, before fewer may, and before the end. */
const CATCH_UP_TIMEOUT_MS = 300;

class LoadBalancer {
  readonly #options: WorkerOptions;
  readonly #control: Control;
  readonly #counters: WorkerCounters;
  readonly #fragments: FragmentTable;
  readonly #connections: ConnectionSet;
  readonly #targets: Targets;
  readonly #tier: MappedTable | undefined;
  readonly #tap: PacketTap;
  readonly #decider: BatchDecider;
  readonly #tun: PacketWriter | undefined;
  #balancer: Balancer;
  readonly #queue: Queue;
  #tableEpoch: number;

  constructor(options: WorkerOptions) {
    this.#options = options;
    scheduleAsWorker(options.scheduling);
    this.#control = new Control(options.control);
    this.#counters = new WorkerCounters(options.counters, options.worker);
    this.#tun = options.tun === undefined ? undefined : new PacketWriter(options.tun);
    this.#fragments = fragmentTableOf(options.fragments, options.worker, (bytes, at, length) => this.#reinject(bytes, at, length));
    this.#tableEpoch = this.#control.tableEpoch;
    this.#connections = connectionSetOf(options.connections);
    this.#targets = openTargets(options, this.#connections);
    this.#tier = options.tier === undefined ? undefined : new MappedTable(options.tier);
    this.#balancer = this.#newBalancer();
    this.#tap = new PacketTap(options.tap);
    this.#decider = new BatchDecider(this.#counters, this.#tap);
    this.#queue = this.#openQueue();
  }

  /** Does what it is ordered, until that is to end. */
  run(): void {
    const queue = this.#queue;
    const { queueLength } = this.#options;
    let order = this.#control.awaitOrder();
    if (isToBalance(order)) {
      this.#counters.adopt();
      this.#connections.adopt();
    }
    // Whoever has bound the queue has given it other settings.
    for (let length: number | undefined; isToBalance(order); order = this.#control.awaitOrder()) {
      send({ type: 'listening', socket: queue.fd });
      const wanted = order === Order.Endure ? Math.max(queueLength, ENDURED_LENGTH) : queueLength;
      // With more packets in it than may wait, the queue would take none.
      if (wanted < ENDURED_LENGTH && wanted !== length) this.#catchUp(queue);
      if (wanted !== length) queue.configure(wanted);
      length = wanted;
      this.#balance(queue, order);
      if (this.#control.order === Order.Pause) send({ type: 'paused' });
    }
    if (order === Order.Stop) this.#catchUp(queue);
    queue.close();
    this.#tun?.close();
  }

  #openQueue(): Queue {
    const { socket, queue, queueLength: length, linger, busyPoll, wakeup, fragments } = this.#options;
    const copyRange = copyRangeOf(fragments.options);
    return new Queue({ queue, length, copyRange, batch: MAX_BATCH, wakeup, timeout: RECEIVE_TIMEOUT_MS, linger, busyPoll, socket });
  }

  /** Balances until another order comes. */
  #balance(queue: Queue, order: Order): void {
    while (this.#control.order === order) this.#turn(queue);
  }

  #turn(queue: Queue): void {
    const count = this.#targets.hasPendingWork ? queue.receiveWaiting() : queue.receive();
    if (this.#control.tableEpoch !== this.#tableEpoch || !this.#targets.intact || this.#tier?.intact === false) this.#renewTables();
    if (this.#targets.outdated) this.#targets.renew(this.#balancer);
    this.#answer(queue, count);
  }

  /** Answers the packets that wait. */
  #catchUp(queue: Queue): void {
    const until = performance.now() + CATCH_UP_TIMEOUT_MS;
    for (let count = 1; count > 0 && performance.now() < until; ) {
      count = queue.receiveWaiting();
      this.#answer(queue, count);
    }
  }

  #answer(queue: Queue, count: number): void {
    const { batch, clock } = queue;
    if (count > 0) {
      this.#fragments.now = clock[0]!;
      this.#connections.now = clock[0]!;
      this.#decider.decide(this.#balancer, batch, count, this.#tap.open(this.#targets.generation));
      queue.settle(count);
      this.#counters.setVerdictErrors(queue.errors);
    }
    this.#counters.countTurn(count, clock);
  }

  #reinject(bytes: Uint8Array, at: number, length: number): void {
    this.#counters.countReinjected(this.#tun!.write(bytes, at, length) === 0);
  }

  /** Maps replaced tables. Retries incomplete ones after the next batch. */
  #renewTables(): void {
    const epoch = this.#control.tableEpoch;
    const renewed = [this.#targets.renewTables(), this.#tier?.renew() ?? true];
    this.#balancer = this.#newBalancer();
    if (renewed.every((done) => done)) this.#tableEpoch = epoch;
  }

  #newBalancer(): Balancer {
    const tier = this.#tier ? { tier: this.#tier.lookup } : {};
    return this.#targets.balancer({ ...this.#options.balancer, ...tier, fragments: this.#fragments, connections: this.#connections });
  }
}

function isToBalance(order: Order): boolean {
  return order === Order.Run || order === Order.Endure;
}

const send = (message: WorkerMessage): void => parentPort!.postMessage(message);

try {
  const loadBalancer = new LoadBalancer(workerData as WorkerOptions);
  send({ type: 'prepared' });
  loadBalancer.run();
} catch (error) {
  send({ type: 'failed', message: describeFailure(error) });
}
