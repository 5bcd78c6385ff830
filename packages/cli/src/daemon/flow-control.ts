import { compileFlows, defineFlow, type Flow, type FlowDefinition, FlowSet, listFlow } from '@nfqlb/core/flows';
import { BadRequest, type FlowRequest, OK, parseChanges } from '../flow-socket/flow-message.js';
import type { FlowHandler } from '../flow-socket/flow-server.js';
import { openTable } from '../table/shared-table.js';
import { FlowCounts } from './flow-counts.js';
import { type FlowGeneration, flowCountsMemory, GenerationBoard } from './flow-generations.js';
import type { Count } from './target-counts.js';

export interface FlowControlOptions {
  readonly workers: number;
  readonly promiscuousPing: boolean;
  /** Flows that are there from the begin. */
  readonly flows?: readonly FlowDefinition[] | undefined;
  /** Sends a generation to all workers, and wakes them. */
  readonly announce: (generation: FlowGeneration) => void;
}

/** What a flow has matched. */
export interface FlowCount extends Count {
  readonly name: string;
  /** Its target table. */
  readonly target: string;
}

/** How long a client may be kept waiting for the flows to be compiled, in milliseconds. */
const QUICK = 20;

/** The flows of the running load-balancer, and what they have matched. The main thread's. */
export class FlowControl {
  readonly board: GenerationBoard;
  readonly #options: FlowControlOptions;
  readonly #set = new FlowSet();
  readonly #counts: FlowCounts;
  #newest: FlowGeneration | undefined;
  #publication: Promise<void> | undefined;
  /** How long it took to compile the flows, the last time, in milliseconds. */
  #compileTime = 0;

  /** @throws CoreError, or what opening a table throws, for a flow that cannot be */
  constructor(options: FlowControlOptions) {
    this.#options = options;
    for (const flow of defined(options.flows ?? [])) this.#set.define(flow);
    this.board = new GenerationBoard(options.workers);
    this.#counts = new FlowCounts(options.workers);
    this.#publish();
  }

  /** The flows, for who joins now. */
  get newest(): FlowGeneration {
    return this.#newest!;
  }

  /** Target tables that flows lead to. */
  get tables(): ReadonlySet<string> {
    return new Set(this.#set.inOrder().map(({ target }) => target));
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
        return await this.#change(request);
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
    for (const flow of defined([{ name, target, ...fields }])) this.#set.define(flow);
    await this.#published();
    return OK;
  }

  /** Either all of it, or nothing. */
  async #change({ fields: { changes } }: FlowRequest): Promise<Buffer> {
    const { define, delete: names } = parseChanges(changes);
    const flows = defined(define);
    for (const name of names) if (this.#set.delete(name)) this.#counts.forget(name);
    for (const flow of flows) this.#set.define(flow);
    await this.#published();
    return OK;
  }

  async #delete({ fields: { name } }: FlowRequest): Promise<Buffer> {
    if (name === undefined) throw new BadRequest('name: must be given');
    if (this.#set.delete(name)) {
      this.#counts.forget(name);
      await this.#published();
    }
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

  /**
   * Sees to it that the flows are published. Commands that come at once are published together. Few flows are published before this resolves.
   * To compile many takes longer than a client shall wait: then it resolves at once, and half of the time is left for commands.
   */
  #published(): Promise<void> {
    const slow = this.#compileTime > QUICK;
    this.#publication ??= new Promise((resolve) => {
      setTimeout(
        () => {
          this.#publication = undefined;
          this.#publish();
          resolve();
        },
        slow ? this.#compileTime : 0,
      );
    });
    return slow ? Promise.resolve() : this.#publication;
  }

  #publish(): void {
    const begin = performance.now();
    const { workers, promiscuousPing, announce } = this.#options;
    const names = this.#set.inOrder().map(({ name }) => name);
    const generation: FlowGeneration = {
      number: (this.#newest?.number ?? 0) + 1,
      flows: compileFlows(this.#set, { promiscuousPing }),
      counts: flowCountsMemory(workers, names.length),
      count: names.length,
    };
    this.#counts.add(generation, names);
    this.#newest = generation;
    announce(generation);
    this.board.newest = generation.number;
    this.#compileTime = performance.now() - begin;
    this.#counts.retire(this.board.oldest);
  }

  #counted(): Map<string, Count> {
    this.#counts.retire(this.board.oldest);
    return this.#counts.all();
  }
}

/** Flows by their definitions. Their tables must be there now; when one goes later, its flows' packets have no target. */
function defined(definitions: readonly FlowDefinition[]): Flow[] {
  const flows = definitions.map((definition) => defineFlow(definition));
  for (const target of new Set(flows.map((flow) => flow.target))) openTable(target).memory.close();
  return flows;
}
