import { setTimeout as sleep } from 'node:timers/promises';
import type { Cidr } from '@nfqlb/core/address';
import { type Flow, FlowSet } from '@nfqlb/core/flows';
import type { Decision } from '@nfqlb/fast-path';
import { describeFailure } from '@nfqlb/options';
import { ACCEPTED } from '@nfqlb/protocol/flow';
import type { Count } from '@nfqlb/protocol/status';
import { log } from '../log/log.js';
import { type CompiledFlows, type Compiling, FlowCompiler } from './flow-compiler.js';
import { FlowCounts } from './flow-counts.js';
import { type FlowGeneration, flowCountsMemory, GenerationBoard } from './flow-generations.js';
import { SpareMemory } from './spare-memory.js';

export interface FlowPublisherOptions {
  readonly workers: number;
  readonly promiscuousPing: boolean;
  /** Sends a generation to all workers, and wakes them. */
  readonly announce: (generation: FlowGeneration) => void;
  /** Default: compiles in this thread, and blocks it meanwhile. */
  readonly compiler?: Compiling;
  /** If the kernel decides, too. */
  readonly kernel?: KernelFlows | undefined;
  /** How long to wait for workers to use new flows, in milliseconds. They need 1 ms, unless they have to map many tables. */
  readonly adoptTimeout?: number;
}

/** The kernel's part in deciding by flows. */
export interface KernelFlows {
  /** Destinations that it decides for; they may change. */
  readonly vips: readonly Cidr[];
  /** Resolves when the kernel decides by these flows, or newer ones; or does not decide. */
  readonly take: (decision: Decision) => Promise<void>;
  /** Packets that it decided, by flow. */
  readonly counts: () => ReadonlyMap<string, Count>;
  /** Drops a deleted flow's counts, when the kernel no longer decides by it. */
  readonly forget: (flow: string) => void;
  /** Why a flow's packets are left to the queue, or may be; `undefined` if they are not. */
  readonly unfit: (flow: string) => string | undefined;
}

const ADOPT_TIMEOUT_MS = 5000;
const ADOPT_POLL_INTERVAL_MS = 1;

/** If compiling takes longer than this, a pause of the same length follows, so that it never takes a whole CPU. */
const QUICK_MS = 10;

/** Flows are in force, but not all workers use them yet. */
class NotInUse extends Error {
  override readonly name = 'NotInUse';
  readonly code = 'NOT_IN_USE';
}

/** Changes that are compiled and published together, or dropped together. */
interface Batch {
  /** By name; `undefined` for a flow that is deleted. */
  readonly flows: Map<string, Flow | undefined>;
  /** Names that were deleted, even if they were then defined again: they count from 0. */
  readonly deleted: Set<string>;
  /** Resolves when all workers use the flows; rejects if they could not be compiled: then nothing has changed. */
  readonly done: Promise<void>;
}

/**
 * Compiles flow changes, and sends them to the workers as a new generation. Changes that arrive during compilation are collected and compiled
 * together in the next one. A change that cannot be compiled has no effect.
 */
export class FlowPublisher {
  readonly board: GenerationBoard;
  /** The initial flows, for the kernel. */
  readonly firstDecision: Decision | undefined;
  readonly #options: FlowPublisherOptions;
  readonly #compiler: Compiling;
  readonly #counts: FlowCounts;
  readonly #spareFlows = new SpareMemory();
  readonly #spareCounts = new SpareMemory();
  /** The published flows. */
  readonly #set = new FlowSet();
  /** Whether the compiler needs all flows, not only changes. */
  #fromScratch = true;
  #newest: FlowGeneration | undefined;
  #pending: Batch | undefined;
  #compiling: Batch | undefined;
  /** Resolves when all batches so far have been compiled. */
  #idle: Promise<void> = Promise.resolve();
  /** Earliest time to compile the next batch, by `performance.now()`. */
  #nextAt = 0;

  /** @param flows the initial flows; compiled in this thread, which has nothing else to do yet */
  constructor(options: FlowPublisherOptions, flows: readonly Flow[]) {
    this.#options = options;
    this.#compiler = options.compiler ?? new FlowCompiler();
    this.board = new GenerationBoard(options.workers);
    this.#counts = new FlowCounts(options.workers);
    const changes = new Map(flows.map((flow) => [flow.name, flow]));
    const { promiscuousPing, kernel } = options;
    const compiled = new FlowCompiler().compile({ changes, fromScratch: true, promiscuousPing, memory: undefined, vips: kernel?.vips });
    this.firstDecision = compiled.decision;
    for (const flow of flows) this.#set.define(flow);
    this.#publish(compiled);
  }

  /** The generation that a worker starts with. */
  get newest(): FlowGeneration {
    return this.#newest!;
  }

  /** The published flows. */
  get flows(): FlowSet {
    return this.#set;
  }

  /** Flows that are published, or will be if they compile. */
  *publishedOrPending(): Iterable<Flow> {
    yield* this.#set;
    for (const batch of [this.#compiling, this.#pending]) for (const flow of batch?.flows.values() ?? []) if (flow) yield flow;
  }

  /** Match counts of each published flow, by name. */
  counts(): Map<string, Count> {
    this.#retire();
    return this.#counts.all();
  }

  /**
   * Deletes and defines flows atomically. Resolves when all workers use them.
   *
   * @throws the compiler's error: then nothing has changed. {@link NotInUse}: they are in force, but a worker does not use them in time
   */
  async change(define: readonly Flow[], deleted: readonly string[]): Promise<void> {
    const known = deleted.filter((name) => this.#isKnown(name));
    if (define.length + known.length === 0) return;
    this.#pending ??= this.#newBatch();
    const batch = this.#pending;
    for (const name of known) {
      batch.deleted.add(name);
      batch.flows.set(name, undefined);
    }
    for (const flow of define) batch.flows.set(flow.name, flow);
    await batch.done;
  }

  /** Compiles the flows as they are: for the kernel, which is to decide for other destinations. Resolves and rejects as {@link change}. */
  async recompile(): Promise<void> {
    this.#pending ??= this.#newBatch();
    await this.#pending.done;
  }

  #isKnown(name: string): boolean {
    return [this.#pending?.flows, this.#compiling?.flows].some((flows) => flows?.has(name)) || this.#set.get(name) !== undefined;
  }

  #newBatch(): Batch {
    const compiled = this.#idle.then(() => sleep(Math.max(0, this.#nextAt - performance.now()))).then(() => this.#compile(batch));
    const done = compiled.then(({ generation, inKernel }) => Promise.all([this.#adopted(generation), inKernel])).then(() => {});
    const batch: Batch = { flows: new Map(), deleted: new Set(), done };
    this.#idle = compiled.then(
      () => {},
      (error) => log.warning(`${describeFailure(error)}; the flows are as before`),
    );
    return batch;
  }

  async #compile(batch: Batch): Promise<{ readonly generation: FlowGeneration; readonly inKernel: Promise<void> | undefined }> {
    this.#pending = undefined;
    this.#compiling = batch;
    try {
      this.#retire();
      const changes = this.#fromScratch
        ? new Map([...Array.from(this.#set, (flow) => [flow.name, flow] as const), ...batch.flows])
        : batch.flows;
      const { promiscuousPing, kernel } = this.#options;
      const request = { changes, fromScratch: this.#fromScratch, promiscuousPing, memory: this.#spareFlows.take(), vips: kernel?.vips };
      // In case it fails.
      this.#fromScratch = true;
      const compiled = await this.#compiler.compile(request);
      this.#fromScratch = false;
      this.#nextAt = compiled.time > QUICK_MS ? performance.now() + compiled.time : 0;
      for (const name of batch.deleted) this.#counts.forget(name);
      for (const [name, flow] of batch.flows) {
        if (flow) this.#set.define(flow);
        else this.#set.delete(name);
      }
      const { decision } = compiled;
      const inKernel = decision && kernel?.take(decision);
      return {
        generation: this.#publish(compiled),
        inKernel: inKernel?.then(() => {
          for (const name of batch.deleted) kernel?.forget(name);
        }),
      };
    } finally {
      this.#compiling = undefined;
    }
  }

  #publish({ flows, names }: CompiledFlows): FlowGeneration {
    const { workers, announce } = this.#options;
    const generation: FlowGeneration = {
      number: (this.#newest?.number ?? 0) + 1,
      flows,
      counts: flowCountsMemory(workers, names.length, this.#spareCounts.take()),
      count: names.length,
    };
    this.#counts.add(generation, names);
    this.#newest = generation;
    announce(generation);
    this.board.newest = generation.number;
    return generation;
  }

  async #adopted({ number }: FlowGeneration): Promise<void> {
    const timeout = this.#options.adoptTimeout ?? ADOPT_TIMEOUT_MS;
    const until = performance.now() + timeout;
    while (this.board.oldest < number) {
      if (performance.now() >= until) {
        throw new NotInUse(
          `${ACCEPTED}not used by all workers after ${timeout / 1000} s: one is stuck, or has many tables to map; see nfqlb top`,
        );
      }
      await sleep(ADOPT_POLL_INTERVAL_MS);
    }
  }

  /** Adds up the counts of generations that no worker uses any more, and keeps their memory for reuse. */
  #retire(): void {
    for (const { flows, counts } of this.#counts.retire(this.board.oldest)) {
      this.#spareFlows.give(flows);
      this.#spareCounts.give(counts);
    }
  }
}
