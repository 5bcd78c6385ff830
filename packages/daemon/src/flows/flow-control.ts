import { defineFlow, type Flow, type FlowDefinition, listFlow } from '@nfqlb/core/flows';
import type { Decision } from '@nfqlb/fast-path';
import type { FlowHandler } from '@nfqlb/protocol/flow';
import { BadRequest, type FlowRequest, OK, parseChanges } from '@nfqlb/protocol/flow';
import type { Count, FlowCount } from '@nfqlb/protocol/status';
import { readTable } from '@nfqlb/protocol/tables';
import { valueDigest } from '../watch/digest.js';
import type { FlowGeneration, GenerationBoard } from './flow-generations.js';
import { FlowPublisher, type FlowPublisherOptions, type KernelFlows } from './flow-publisher.js';

export interface FlowControlOptions extends FlowPublisherOptions {
  /** Initial flows. */
  readonly flows?: readonly FlowDefinition[] | undefined;
}

/** Executes flow commands. Belongs to the main thread. */
export class FlowControl {
  readonly #publisher: FlowPublisher;
  readonly #kernel: KernelFlows | undefined;
  /** By name: identity of the table when its first flow was defined. */
  readonly #identities = new Map<string, string>();
  #digest: { readonly generation: number; readonly digest: number } | undefined;

  /** @throws `CoreError` for a bad definition; the error of opening the table if it does not exist */
  constructor({ flows = [], ...options }: FlowControlOptions) {
    this.#publisher = new FlowPublisher(options, this.#defined(flows));
    this.#kernel = options.kernel;
  }

  get board(): GenerationBoard {
    return this.#publisher.board;
  }

  /** The flows that a worker starts with. */
  get newest(): FlowGeneration {
    return this.#publisher.newest;
  }

  /** The initial flows, for the kernel. */
  get firstDecision(): Decision | undefined {
    return this.#publisher.firstDecision;
  }

  /** Names of the target tables that flows use. */
  get tables(): ReadonlySet<string> {
    const tables = new Set(Array.from(this.#publisher.publishedOrPending(), ({ target }) => target));
    for (const name of this.#identities.keys()) if (!tables.has(name)) this.#identities.delete(name);
    return tables;
  }

  /** Identity of the table when the first of its flows was defined: workers have mapped that table or a later one. */
  identityOf(table: string): string | undefined {
    return this.#identities.get(table);
  }

  /**
   * Packets and octets that matched each flow, highest precedence first.
   *
   * @param inKernel those that the kernel decided
   */
  matched(inKernel?: ReadonlyMap<string, Count>): FlowCount[] {
    const counts = this.#counts(inKernel);
    return this.#flows().map(({ name, target }) => ({ packets: 0, octets: 0, ...counts.get(name), name, target }));
  }

  /** The same for the same flows in the same order. */
  get digest(): number {
    const { number } = this.newest;
    if (this.#digest?.generation !== number) {
      const listed = this.#flows().map((flow) => listFlow(flow, 0, flow.target));
      this.#digest = { generation: number, digest: valueDigest(listed) };
    }
    return this.#digest.digest;
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
        throw new BadRequest(`${request.action}: not a command for flows`);
    }
  };

  /** As `FlowPublisher.recompile`. */
  recompile(): Promise<void> {
    return this.#publisher.recompile();
  }

  async #define({ fields: { name, target, ...fields } }: FlowRequest): Promise<Buffer> {
    if (name === undefined) throw new BadRequest('name: must be given');
    if (target === undefined) throw new BadRequest('target: must be given');
    await this.#publisher.change(this.#defined([{ name, target, ...fields }]), []);
    return OK;
  }

  /** All changes, or none. */
  async #changeAll({ fields: { changes } }: FlowRequest): Promise<Buffer> {
    const { define, delete: names } = parseChanges(changes);
    await this.#publisher.change(this.#defined(define), names);
    return OK;
  }

  async #delete({ fields: { name } }: FlowRequest): Promise<Buffer> {
    if (name === undefined) throw new BadRequest('name: must be given');
    await this.#publisher.change([], [name]);
    return OK;
  }

  #list({ fields: { name } }: FlowRequest): Buffer {
    const counts = this.#counts(this.#kernel?.counts());
    const list = (flow: Flow): object => {
      const unfit = this.#kernel?.unfit(flow.name);
      return { ...listFlow(flow, counts.get(flow.name)?.packets ?? 0, flow.target), ...(unfit !== undefined && { left_to_queue: unfit }) };
    };
    if (name === undefined) return Buffer.from(JSON.stringify(this.#flows().map(list), undefined, 2));
    const flow = this.#publisher.flows.get(name);
    if (!flow) throw new BadRequest(`name ${JSON.stringify(name.slice(0, 80))}: no such flow`);
    return Buffer.from(JSON.stringify(list(flow), undefined, 2));
  }

  #counts(inKernel: ReadonlyMap<string, Count> = new Map()): ReadonlyMap<string, Count> {
    const counts = this.#publisher.counts();
    for (const [name, { packets, octets }] of inKernel) {
      const queued = counts.get(name);
      counts.set(name, { packets: (queued?.packets ?? 0) + packets, octets: (queued?.octets ?? 0) + octets });
    }
    return counts;
  }

  /** Highest precedence first, without derived flows. */
  #flows(): Flow[] {
    const { flows } = this.#publisher;
    return flows.inOrder().filter(({ name }) => flows.get(name) !== undefined);
  }

  /** Builds flows from their definitions. Their tables must exist. */
  #defined(definitions: readonly FlowDefinition[]): Flow[] {
    const flows = definitions.map((definition) => defineFlow(definition));
    const names = new Set(flows.map(({ target }) => target));
    const tables = Array.from(names, (name) => [name, readTable(name, (_, { identity }) => identity)] as const);
    for (const [name, identity] of tables) if (!this.#identities.has(name)) this.#identities.set(name, identity);
    return flows;
  }
}
