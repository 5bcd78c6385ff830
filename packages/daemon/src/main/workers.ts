import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type Tun, Wakeup } from '@nfqlb/native';
import type { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { Control } from '../shared/control.js';
import type { Counters } from '../shared/counters.js';
import type { Tracing } from '../trace/tracing.js';
import type { SharedConnections } from '../transition/shared-connections.js';
import type { WorkerMessage, WorkerOptions } from '../worker/worker-options.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** How long to wait for the workers to end; they need a third of it. */
const STOP_TIMEOUT_MS = 900;

/** A worker has failed; the message says why. */
class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly code = 'WORKER';
}

/** Shared by the workers and the main thread. */
export interface SharedByWorkers {
  readonly control: Control;
  readonly counters: Counters;
  readonly fragments: SharedFragments;
  readonly connections: SharedConnections;
  readonly tun: Tun | undefined;
  readonly flows: FlowControl | undefined;
  readonly tracing: Tracing;
}

interface RunningWorker {
  readonly wakeup: Wakeup;
  /** Port for new flows. */
  readonly flows: MessagePort | undefined;
  /** Rejects when the worker fails. */
  readonly failed: Promise<never>;
  readonly ended: Promise<void>;
}

/** The worker threads, one per queue. */
export class Workers {
  readonly #options: LoadBalancingOptions;
  readonly #shared: SharedByWorkers;
  readonly #running: RunningWorker[] = [];

  constructor(options: LoadBalancingOptions, shared: SharedByWorkers) {
    this.#options = options;
    this.#shared = shared;
  }

  /** Starts all workers at the same time. Resolves when all listen to their queues; rejects if one cannot. */
  async start(): Promise<void> {
    const { first, last } = this.#options.queues;
    await Promise.all(Array.from({ length: last - first + 1 }, (_, number) => this.#start(first + number)));
  }

  /** Rejects when a worker fails. */
  get failed(): Promise<never> {
    return Promise.race(this.#running.map(({ failed }) => failed));
  }

  /** Tells all workers that a table was replaced. */
  renewTables(): void {
    this.#shared.control.renewTable();
    this.#wake();
  }

  /** Sends new flows to all workers. */
  announce(generation: FlowGeneration): void {
    for (const { flows } of this.#running) flows?.postMessage(generation);
    this.#wake();
  }

  /** Lets all workers finish the packets that they have received, and stops them. */
  async stop(): Promise<void> {
    this.#shared.control.stop();
    this.#wake();
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
    await Promise.race([Promise.all(this.#running.map(({ ended }) => ended)), timeout]);
    for (const { wakeup } of this.#running) wakeup.close();
  }

  #wake(): void {
    for (const { wakeup } of this.#running) wakeup.signal();
  }

  async #start(queue: number): Promise<void> {
    const { table, tier, queueLength, linger, balancer, queues } = this.#options;
    const { flows, fragments, connections, tun, control, counters, tracing } = this.#shared;
    const wakeup = new Wakeup();
    const channel = flows && new MessageChannel();
    channel?.port1.postMessage(flows!.newest);
    const number = queue - queues.first;
    const tap = tracing.tapOf(number);
    const workerData: WorkerOptions = {
      worker: number,
      queue,
      queueLength,
      linger,
      table,
      tier,
      balancer,
      fragments,
      connections,
      tun: tun?.fd,
      flows: channel && { port: channel.port2, board: flows!.board.memory },
      tap,
      wakeup: wakeup.fd,
      control: control.memory,
      counters: counters.memory,
    };
    const transferList = [tap.flows, ...(channel ? [channel.port2] : [])];
    // The bundler puts all programs into one folder.
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, transferList });
    const ended = once(worker, 'exit').then(() => {});
    const failed = new Promise<never>((_, reject) => {
      worker.on('error', reject);
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'failed') reject(new WorkerFailure(message.message));
      });
    });
    // Others await it too; this avoids an unhandled rejection.
    failed.catch(() => {});
    const listening = new Promise<void>((resolve) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'listening') resolve();
      });
    });
    this.#running.push({ wakeup, flows: channel?.port1, failed, ended });
    await Promise.race([listening, failed]);
  }
}
