import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type Tun, Wakeup } from '@nfqlb/native';
import type { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import { type Control, Order } from '../shared/control.js';
import type { Counters } from '../shared/counters.js';
import type { Tracing } from '../trace/tracing.js';
import type { SharedConnections } from '../transition/shared-connections.js';
import type { WorkerMessage, WorkerOptions } from '../worker/worker-options.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** How long a worker may take until it has paused: it finishes a batch, or sends a switch to new flows on its way. */
const PAUSE_TIMEOUT_MS = 1000;

/** How long more packets may wait after a takeover: the other process is ending, and the code of this one is compiled only now. */
const ENDURED_MS = 1000;

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
  /** Resolves when the worker says this. */
  readonly says: <T extends WorkerMessage['type']>(type: T) => Promise<WorkerMessage & { readonly type: T }>;
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
  #sockets: readonly number[] = [];
  #relaxing: NodeJS.Timeout | undefined;

  constructor(options: LoadBalancingOptions, shared: SharedByWorkers) {
    this.#options = options;
    this.#shared = shared;
  }

  /**
   * Starts all workers, which do not receive yet. Resolves when all are prepared; rejects if one cannot be.
   *
   * @param bound descriptors of the queues' sockets by worker
   */
  async prepare(bound: readonly number[]): Promise<void> {
    const { first, last } = this.#options.queues;
    const prepared: Promise<unknown>[] = [];
    for (let queue = first; queue <= last; queue++) prepared.push(this.#start(queue, bound[queue - first]!).says('prepared'));
    await Promise.race([Promise.all(prepared), this.failed]);
  }

  /**
   * Has all workers receive. Resolves when they do; rejects if one cannot.
   *
   * @param isBehind whether packets have waited for them: then as after {@link resume}
   */
  async listen(isBehind: boolean): Promise<void> {
    const listening = Promise.all(this.#running.map(({ says }) => says('listening')));
    if (isBehind) this.resume();
    else this.#order(Order.Run);
    const said = await Promise.race([listening, this.failed]);
    this.#sockets = said.map(({ socket }) => socket);
  }

  /** Descriptors of the queues' sockets by worker, to pass to another process. */
  get sockets(): readonly number[] {
    return this.#sockets;
  }

  /** Resolves when all workers have settled what they received, and receive no more. Rejects if one does not in time; then all run. */
  async pause(): Promise<void> {
    const paused = Promise.all(this.#running.map(({ says }) => says('paused')));
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new WorkerFailure('a worker is stuck')), PAUSE_TIMEOUT_MS);
    });
    clearTimeout(this.#relaxing);
    this.#order(Order.Pause);
    try {
      await Promise.race([paused, tooLate, this.failed]);
    } catch (error) {
      this.resume();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Lets more packets wait from now on: somebody else is about to need the CPU, and then the queues. */
  endure(): void {
    clearTimeout(this.#relaxing);
    this.#order(Order.Endure);
  }

  /** Has all workers receive again. For a moment, more packets may wait than usual. */
  resume(): void {
    this.endure();
    this.#relaxing = setTimeout(() => this.#order(Order.Run), ENDURED_MS);
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

  /**
   * Ends all workers.
   *
   * @param leave whether another process has the queues; otherwise they answer the packets that wait
   */
  async stop({ leave }: { readonly leave: boolean }): Promise<void> {
    clearTimeout(this.#relaxing);
    this.#order(leave ? Order.Leave : Order.Stop);
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
    await Promise.race([Promise.all(this.#running.map(({ ended }) => ended)), timeout]);
    for (const { wakeup } of this.#running) wakeup.close();
  }

  #order(order: Order): void {
    this.#shared.control.order = order;
    this.#wake();
  }

  #wake(): void {
    for (const { wakeup } of this.#running) wakeup.signal();
  }

  #start(queue: number, socket: number): RunningWorker {
    const { table, tier, queueLength, linger, busyPoll, cpus, priority, balancer, queues } = this.#options;
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
      socket,
      linger,
      busyPoll,
      scheduling: { ...(cpus && { cpus: [cpus[number % cpus.length]!] }), ...(priority && { priority }) },
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
    const says: RunningWorker['says'] = (type) =>
      new Promise((resolve) => {
        const hear = (message: WorkerMessage): void => {
          if (message.type !== type) return;
          worker.off('message', hear);
          resolve(message as WorkerMessage & { type: typeof type });
        };
        worker.on('message', hear);
      });
    const running = { says, wakeup, flows: channel?.port1, failed, ended };
    this.#running.push(running);
    return running;
  }
}
