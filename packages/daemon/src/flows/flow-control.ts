import { setTimeout as sleep } from 'node:timers/promises';
import { defineFlow, type Flow, type FlowDefinition, FlowSet, listFlow } from '@nfqlb/core/flows';
import { describeFailure } from '@nfqlb/options';
import type { FlowHandler } from '@nfqlb/protocol/flow';
import { BadRequest, type FlowRequest, OK, parseChanges } from '@nfqlb/protocol/flow';
import type { Count, FlowCount } from '@nfqlb/protocol/status';
import { openTable } from '@nfqlb/protocol/tables';
import { log } from '../log/log.js';
import { type CompiledFlows, type Compiling, FlowCompiler } from './flow-compiler.js';
import { FlowCounts } from './flow-counts.js';
import { type FlowGeneration, flowCountsMemory, GenerationBoard } from './flow-generations.js';
import { SpareMemory } from './spare-memory.js';

export interface FlowControlOptions {
  readonly workers: number;
  readonly promiscuousPing: boolean;
  /** Flows that are there from the begin. */
  readonly flows?: readonly FlowDefinition[] | undefined;
  /** Sends a generation to all workers, and wakes them. */
  readonly announce: (generation: FlowGeneration) => void;
  /** Default: in this thread, which does nothing else meanwhile. */
  readonly compiler?: Compiling;
}

/** How long a client may be kept waiting for the flows to be compiled, in milliseconds. */
const QUICK = 10;

/** How long it is waited for workers to go by new flows, and how often that is looked at, in milliseconds. They need one, unless many tables are to be mapped. */
const PATIENCE = 200;
const LOOK = 1;

/** The flows of the running load-balancer, and what they have matched. The main thread's. */
export class FlowControl {
  readonly board: GenerationBoard;
  readonly #options: FlowControlOptions;
  readonly #set = new FlowSet();
  readonly #counts: FlowCounts;
  readonly #compiler: Compiling;
  /** What the compiler does not know of yet, by name: a flow, or `undefined` for one that is gone. */
  #changes = new Map<string, Flow | undefined>();
  /** Names of flows deleted since the compiler was asked last. */
  #deleted = new Set<string>();
  /** Whether the compiler knows no flows. */
  #anew = true;
  #newest: FlowGeneration | undefined;
  /** The last publication that has begun, and the one that will have what is changed now. */
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** How long it took to compile the flows, the last two times, in milliseconds. */
  #compileTimes: readonly [number, number] = [0, 0];
  #tables: ReadonlySet<string> | undefined;
  /** By name: which table it was when the first flow came to lead to it. */
  readonly #identities = new Map<string, string>();
  readonly #spareFlows = new SpareMemory();
  readonly #spareCounts = new SpareMemory();

  /** @throws CoreError, or what opening a table throws, for a flow that cannot be */
  constructor(options: FlowControlOptions) {
    this.#options = options;
    this.#compiler = options.compiler ?? new FlowCompiler();
    const flows = this.#defined(options.flows ?? []);
    for (const flow of flows) this.#set.define(flow);
    this.board = new GenerationBoard(options.workers);
    this.#counts = new FlowCounts(options.workers);
    // There is nothing to be served meanwhile.
    const changes = new Map(flows.map((flow) => [flow.name, flow]));
    this.#publish(new FlowCompiler().compile({ changes, anew: true, promiscuousPing: options.promiscuousPing, memory: undefined }));
  }

  /** The flows, for who joins now. */
  get newest(): FlowGeneration {
    return this.#newest!;
  }

  /** Target tables that flows lead to. */
  get tables(): ReadonlySet<string> {
    if (this.#tables === undefined) {
      const tables = new Set(Array.from(this.#set, ({ target }) => target));
      for (const name of this.#identities.keys()) if (!tables.has(name)) this.#identities.delete(name);
      this.#tables = tables;
    }
    return this.#tables;
  }

  /** Which table it was that a name led to when the first of its flows was defined: workers have mapped that or a later one. */
  identityOf(table: string): string | undefined {
    return this.#identities.get(table);
  }

  /** What each flow has matched, in the order in which they are looked at. */
  matched(): FlowCount[] {
    const counts = this.#counted();
    return this.#flows().map(({ name, target }) => ({ packets: 0, octets: 0, ...counts.get(name), name, target }));
  }

  readonly handle: FlowHandler = async (request) => {
    switch (request.action) {
      case 'set':
        return await this.#define(request);
      case 'delete':
        return await this.#delete(request);
      case 'change':
        return await this.#changeAll(request);
      case 'list':
        return this.#list(request);
      case 'list-names':
        return Buffer.from(JSON.stringify(this.#flows().map(({ name }) => name)));
      default:
        throw new BadRequest(`${request.action}: packets cannot be traced yet`);
    }
  };

  async #define({ fields: { name, target, ...fields } }: FlowRequest): Promise<Buffer> {
    if (name === undefined) throw new BadRequest('name: must be given');
    if (target === undefined) throw new BadRequest('target: must be given');
    this.#change(this.#defined([{ name, target, ...fields }]));
    await this.#published();
    return OK;
  }

  /** Either all of it, or nothing. */
  async #changeAll({ fields: { changes } }: FlowRequest): Promise<Buffer> {
    const { define, delete: names } = parseChanges(changes);
    this.#change(this.#defined(define), names);
    if (this.#changes.size > 0) await this.#published();
    return OK;
  }

  async #delete({ fields: { name } }: FlowRequest): Promise<Buffer> {
    if (name === undefined) throw new BadRequest('name: must be given');
    this.#change([], [name]);
    if (this.#changes.size > 0) await this.#published();
    return OK;
  }

  #list({ fields: { name } }: FlowRequest): Buffer {
    const counts = this.#counted();
    const list = (flow: Flow): object => listFlow(flow, counts.get(flow.name)?.packets ?? 0, flow.target);
    if (name === undefined) return Buffer.from(JSON.stringify(this.#flows().map(list), undefined, 2));
    const flow = this.#set.get(name);
    if (!flow) throw new BadRequest(`name ${JSON.stringify(name.slice(0, 80))}: there is no such flow`);
    return Buffer.from(JSON.stringify(list(flow), undefined, 2));
  }

  #flows(): Flow[] {
    return this.#set.inOrder().filter(({ name }) => this.#set.get(name) !== undefined);
  }

  /** Flows by their definitions. Their tables must be there now; when one goes later, its flows' packets have no target. */
  #defined(definitions: readonly FlowDefinition[]): Flow[] {
    const flows = definitions.map((definition) => defineFlow(definition));
    const tables = new Map(Array.from(new Set(flows.map(({ target }) => target)), (target) => [target, identityOf(target)]));
    for (const [target, identity] of tables) if (!this.#identities.has(target)) this.#identities.set(target, identity);
    return flows;
  }

  #change(flows: readonly Flow[], deleted: readonly string[] = []): void {
    for (const name of deleted) {
      if (!this.#set.delete(name)) continue;
      this.#counts.forget(name);
      this.#deleted.add(name);
      this.#changes.set(name, undefined);
    }
    for (const flow of flows) {
      this.#set.define(flow);
      this.#changes.set(flow.name, flow);
    }
    this.#tables = undefined;
  }

  /**
   * Sees to it that what has changed is published. Commands that come at once are published together. This resolves when packets go by it, with few flows.
   * To compile many takes longer than a client shall wait: then it resolves at once, and half of the time nothing is compiled.
   */
  #published(): Promise<void> {
    // Once may be for what else the machine has to do.
    const time = Math.min(...this.#compileTimes);
    const slow = time > QUICK;
    if (this.#next === undefined) {
      this.#next = this.#last.then(() => sleep(slow ? time : 0)).then(() => this.#compile());
      this.#last = this.#next.catch((error) => log.warning(`${describeFailure(error)}; packets go by the flows before`));
    }
    return slow ? Promise.resolve() : this.#next;
  }

  async #compile(): Promise<void> {
    this.#next = undefined;
    const changes = this.#anew ? new Map(Array.from(this.#set, (flow) => [flow.name, flow])) : this.#changes;
    this.#changes = new Map();
    this.#deleted = new Set();
    this.#retire();
    const { promiscuousPing } = this.#options;
    const request = { changes, anew: this.#anew, promiscuousPing, memory: this.#spareFlows.take() };
    // Unless it succeeds.
    this.#anew = true;
    this.#publish(await this.#compiler.compile(request));
    this.#anew = false;
    const until = performance.now() + PATIENCE;
    while (this.board.oldest < this.newest.number && performance.now() < until) await sleep(LOOK);
  }

  #publish({ flows, names, time }: CompiledFlows): void {
    const { workers, announce } = this.#options;
    const generation: FlowGeneration = {
      number: (this.#newest?.number ?? 0) + 1,
      flows,
      counts: flowCountsMemory(workers, names.length, this.#spareCounts.take()),
      count: names.length,
    };
    this.#counts.add(generation, names);
    // Those that were deleted while it was made.
    for (const name of this.#deleted) this.#counts.forget(name);
    this.#newest = generation;
    announce(generation);
    this.board.newest = generation.number;
    this.#compileTimes = [time, this.#compileTimes[0]];
  }

  /** Keeps what was counted in generations that no worker uses any more, and their memory. */
  #retire(): void {
    for (const { flows, counts } of this.#counts.retire(this.board.oldest)) {
      this.#spareFlows.give(flows);
      this.#spareCounts.give(counts);
    }
  }

  #counted(): Map<string, Count> {
    this.#retire();
    return this.#counts.all();
  }
}

/** @throws what `openTable` throws */
function identityOf(table: string): string {
  const { memory } = openTable(table);
  const { identity } = memory;
  memory.close();
  return identity;
}
