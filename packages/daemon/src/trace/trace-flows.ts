import { compileFlows, defineFlow, type Flow, FlowSet, listFlow } from '@nfqlb/core/flows';
import { BadRequest, type FlowRequest, OK } from '@nfqlb/protocol/flow';

/** Compiled trace flows on their way to the workers. */
export interface TraceFlowGeneration {
  /** From 1 on. */
  readonly number: number;
  readonly flows: SharedArrayBuffer;
}

/** Generations of which packets may still be under way from the workers. */
const REMEMBERED = 16;

/** A flow needs a target; a trace flow leads nowhere. */
const NOWHERE = '-';

/** The flows that choose packets to trace. The main thread's. */
export class TraceFlows {
  readonly #set = new FlowSet();
  readonly #announce: (generation: TraceFlowGeneration) => void;
  /** By name: packets that were traced for it. */
  readonly #matches = new Map<string, number>();
  /** Names by number, the newest generation last. */
  #names: { readonly number: number; readonly names: readonly string[] }[] = [];
  #newest = 0;

  /** @param announce sends a generation to all workers */
  constructor(announce: (generation: TraceFlowGeneration) => void) {
    this.#announce = announce;
  }

  get size(): number {
    return this.#set.size;
  }

  /** Does what `trace-set`, `trace-delete`, `trace-list` and `trace-list-names` ask for. */
  handle({ action, fields: { name, ...fields } }: FlowRequest): Buffer {
    switch (action) {
      case 'trace-set':
        return this.#define(defineFlow({ ...fields, name: given(name), target: NOWHERE }));
      case 'trace-delete':
        return this.#delete(given(name));
      case 'trace-list':
        return this.#list(name);
      case 'trace-list-names':
        return Buffer.from(JSON.stringify(this.#set.inOrder().map((flow) => flow.name)));
      default:
        throw new BadRequest(`${action}: not about trace flows`);
    }
  }

  /** Counts a packet that was traced for a flow, and gives its name. */
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
    if (!flow) throw new BadRequest(`name ${JSON.stringify(name.slice(0, 80))}: there is no such trace flow`);
    return Buffer.from(JSON.stringify(list(flow), undefined, 2));
  }

  #publish(): void {
    // As in C nfqlb: a ping matches by its addresses alone.
    const generation = { number: ++this.#newest, flows: compileFlows(this.#set, { promiscuousPing: true }) };
    this.#names = [...this.#names.slice(1 - REMEMBERED), { number: generation.number, names: this.#set.inOrder().map(({ name }) => name) }];
    this.#announce(generation);
  }
}

function given(name: string | undefined): string {
  if (name === undefined) throw new BadRequest('name: must be given');
  return name;
}
