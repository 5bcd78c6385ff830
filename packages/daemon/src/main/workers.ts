import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type Tun, Wakeup } from '@nfqlb/native';
import type { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { Control } from '../shared/control.js';
import type { Counters } from '../shared/counters.js';
import type { Tracing } from '../trace/tracing.js';
import type { WorkerMessage, WorkerOptions } from '../worker/worker-options.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** Longest wait for the workers to end; they need a third of it. In milliseconds. */
const STOP_TIMEOUT_MS = 900;

/** A worker that cannot go on: the message says why. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly code = 'WORKER';
}

/** What the workers share with each other and with the main thread. */
export interface SharedByWorkers {
  readonly control: Control;
  readonly counters: Counters;
  readonly fragments: SharedFragments;
  readonly tun: Tun | undefined;
  readonly flows: FlowControl | undefined;
  readonly tracing: Tracing;
}

interface RunningWorker {
  readonly wakeup: Wakeup;
  /** Takes new flows. */
  readonly flows: MessagePort | undefined;
  /** Rejects when the worker cannot go on. */
  readonly failed: Promise<never>;
  readonly ended: Promise<void>;
}

/** The worker threads, one for each queue. */
export class Workers {
  readonly #options: LoadBalancingOptions;
  readonly #shared: SharedByWorkers;
  readonly #running: RunningWorker[] = [];

  constructor(options: LoadBalancingOptions, shared: SharedByWorkers) {
    this.#options = options;
    this.#shared = shared;
  }

  /** Starts all. Resolves when each listens to its queue; rejects with why one does not. */
  async start(): Promise<void> {
    const { first, last } = this.#options.queues;
    for (let queue = first; queue <= last; queue++) await this.#start(queue);
  }

  /** Rejects when a worker cannot go on. */
  get failed(): Promise<never> {
    return Promise.race(this.#running.map(({ failed }) => failed));
  }

  /** Tells all that a table's name leads to another table. */
  renewTables(): void {
    this.#shared.control.renewTable();
    this.#wake();
  }

  /** Sends new flows to all. */
  announce(generation: FlowGeneration): void {
    for (const { flows } of this.#running) flows?.postMessage(generation);
    this.#wake();
  }

  /** Lets all answer what they have received, and end. */
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
    const { flows, fragments, tun, control, counters, tracing } = this.#shared;
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
      tun: tun?.fd,
      flows: channel && { port: channel.port2, board: flows!.board.memory },
      tap,
      wakeup: wakeup.fd,
      control: control.memory,
      counters: counters.memory,
    };
    const transferList = [tap.flows, ...(channel ? [channel.port2] : [])];
    // The bundler puts all programs side by side.
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, transferList });
    const ended = once(worker, 'exit').then(() => {});
    const failed = new Promise<never>((_, reject) => {
      worker.on('error', reject);
      worker.on('message', (message: WorkerMessage) => {
        if (message.type === 'failed') reject(new WorkerFailure(message.message));
      });
    });
    // Several wait for it; one of them is enough to handle it.
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
