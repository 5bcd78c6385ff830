import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CaptureBatch, CaptureTime } from '@nfqlb/captures';
import { ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import type { FlowTally } from '../replay/replayed-flows.js';
import type { JobMessage, JobTask } from './job.js';
import { queueOf } from './queue-balance.js';
import { MAIN, SharedBatch } from './shared-batch.js';
import { Turns } from './turns.js';

/** Batches on their way: one is read, others decided, one counted. */
const BATCHES = 6;

/** IPv6 extension headers behind which a fragment header can be: RFC 8200 §4.1 and later ones. */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60, 135, 139, 140, 253, 254];

export interface JobOptions extends Pick<JobTask, 'balancer' | 'changes' | 'records' | 'blocks'> {
  /** When the capture's first packet came; known when there is a batch. */
  readonly begin: () => CaptureTime;
}

/**
 * Threads that decide the packets of a replay, each those that NFQUEUE's balancing gives it. Fragments are left to the main thread: they all depend
 * on one table. So the result is that of one thread.
 */
export class Jobs {
  readonly #batches: readonly SharedBatch[];
  readonly #turns: Turns;
  readonly #workers: readonly Worker[];
  readonly #begin: () => CaptureTime;
  #filled = 0;
  #taken = 0;

  private constructor(batches: readonly SharedBatch[], turns: Turns, workers: readonly Worker[], begin: () => CaptureTime) {
    this.#batches = batches;
    this.#turns = turns;
    this.#workers = workers;
    this.#begin = begin;
  }

  /** @param jobs how many threads */
  static async start(jobs: number, { begin, ...options }: JobOptions): Promise<Jobs> {
    const memories = Array.from({ length: BATCHES }, () => SharedBatch.createMemory(jobs, options.blocks));
    const turns = Turns.createMemory(jobs);
    const workers = Array.from({ length: jobs }, (_, job) => {
      const task: JobTask = { ...options, job, turns, batches: memories };
      return new Worker(new URL('./job-worker.js', import.meta.url), { workerData: task });
    });
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    return new Jobs(
      memories.map((memory) => new SharedBatch(memory)),
      new Turns(turns),
      workers,
      begin,
    );
  }

  /** Whether batches have been given that have not been taken back. */
  get pending(): number {
    return this.#filled - this.#taken;
  }

  get isFull(): boolean {
    return this.pending === BATCHES;
  }

  /** Gives a batch to the jobs; call it only if they are not {@link isFull full}. @returns false if it is too large to be given */
  give(batch: CaptureBatch, count: number): boolean {
    const shared = this.#batches[this.#filled % BATCHES]!;
    if (!shared.fill(batch, count, this.#begin())) return false;
    const { bytes, offset, length, etherType, job } = shared;
    for (let i = 0; i < count; i++) {
      job[i] = mayBeFragment(bytes, offset[i]!, length[i]!, etherType[i]!)
        ? MAIN
        : queueOf(bytes, offset[i]!, length[i]!, etherType[i]!, this.#workers.length);
    }
    this.#filled++;
    this.#turns.fill();
    return true;
  }

  /** Waits until the oldest batch that was given has been decided, and takes it back. It is valid until as many others have been given. */
  async take(): Promise<SharedBatch> {
    const batch = this.#taken++;
    for (let job = 0; job < this.#workers.length; job++) {
      // Its error comes as an event, which `once` throws.
      if (!this.#turns.waitForJob(job, batch)) await Promise.all(this.#workers.map((worker) => once(worker, 'exit')));
    }
    return this.#batches[batch % BATCHES]!;
  }

  /** Ends the threads. @returns what their flows matched */
  async end(): Promise<readonly FlowTally[]> {
    const last = this.#workers.map(async (worker) => (await once(worker, 'message'))[0] as Exclude<JobMessage, 'ready'>);
    this.#turns.end();
    return (await Promise.all(last)).flat();
  }

  /** Stops threads that have not ended, after an error. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function mayBeFragment(bytes: Uint8Array, at: number, length: number, etherType: number): boolean {
  // RFC 791 §3.1: more fragments, or an offset.
  if (etherType === ETH_P_IP) return length < 20 || ((bytes[at + 6]! & 0x3f) | bytes[at + 7]!) !== 0;
  return etherType !== ETH_P_IPV6 || length < 40 || EXTENSION_HEADERS.includes(bytes[at + 6]!);
}
