import { compileFlows, defineFlow, type Flow, FlowSet, listFlow } from '@nfqlb/core/flows';
import { BadRequest, type FlowRequest, OK } from '@nfqlb/protocol/flow';

/** Compiled trace flows, as sent to the workers. */
export interface TraceFlowGeneration {
  /** Starts at 1. */
  readonly number: number;
  readonly flows: SharedArrayBuffer;
}

/** Generations that traced packets still in the rings may refer to. */
const MAX_GENERATIONS = 16;

/** A flow must have a target; this stands for none. */
const NO_TARGET = '-';

/** The flows that select packets to trace. Belongs to the main thread. */
export class TraceFlows {
  readonly #set = new FlowSet();
  readonly #announce: (generation: TraceFlowGeneration) => void;
  /** By name: number of packets traced for this flow. */
  readonly #matches = new Map<string, number>();
  /** Names of the flows by index, for each generation; newest generation last. */
  #names: { readonly number: number; readonly names: readonly string[] }[] = [];
  #newest = 0;

  /** @param announce sends a generation to all workers */
  constructor(announce: (generation: TraceFlowGeneration) => void) {
    this.#announce = announce;
  }

  get size(): number {
    return this.#set.size;
  }

  /** Executes `trace-set`, `trace-delete`, `trace-list` and `trace-list-names`. */
  handle({ action, fields: { name, ...fields } }: FlowRequest): Buffer {
    switch (action) {
      case 'trace-set':
        return this.#define(defineFlow({ ...fields, name: required(name), target: NO_TARGET }));
      case 'trace-delete':
        return this.#delete(required(name));
      case 'trace-list':
        return this.#list(name);
      case 'trace-list-names':
        return Buffer.from(JSON.stringify(this.#set.inOrder().map((flow) => flow.name)));
      default:
        throw new BadRequest(`${action}: not a command for trace flows`);
    }
  }

  /** Counts a packet that was traced for a flow, and returns the flow's name. */
  count(generation: number, flow: number): string | undefined {
    const name = this.#names.find(({ number }) => number === generation)?.names[flow];
    if (name !== undefined && this.#set.get(name)) this.#matches.set(name, (this.#matches.get(name) ?? 0) + 1);
    return name;
  }

  #define(flow: Flow): Buffer {
    if (flow.udpencap !== 0) throw new BadRequest('udpencap: SCTP in UDP is traced by its ports, or by those of UDP');
    this.#set.define(flow);
    this.#publish();
    return OK;
  }

  #delete(name: string): Buffer {
    this.#matches.delete(name);
    if (this.#set.delete(name)) this.#publish();
    return OK;
  }

  #list(name: string | undefined): Buffer {
    const list = (flow: Flow): object => listFlow(flow, this.#matches.get(flow.name) ?? 0);
    if (name === undefined) return Buffer.from(JSON.stringify(this.#set.inOrder().map(list), undefined, 2));
    const flow = this.#set.get(name);
    if (!flow) throw new BadRequest(`name ${JSON.stringify(name.slice(0, 80))}: no such trace flow`);
    return Buffer.from(JSON.stringify(list(flow), undefined, 2));
  }

  #publish(): void {
    // As in C nfqlb: a ping matches by its addresses alone.
    const generation = { number: ++this.#newest, flows: compileFlows(this.#set, { promiscuousPing: true }) };
    this.#names = [
      ...this.#names.slice(1 - MAX_GENERATIONS),
      { number: generation.number, names: this.#set.inOrder().map(({ name }) => name) },
    ];
    this.#announce(generation);
  }
}

function required(name: string | undefined): string {
  if (name === undefined) throw new BadRequest('name: must be given');
  return name;
}
