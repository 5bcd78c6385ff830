import { FlowLookup } from '@nfqlb/core/flows';
import type { FlowGeneration } from './flow-generations.js';

/** While somebody traces: generations that traced packets still in the rings may refer to. */
const MAX_GENERATIONS = 8;

/** Names of flows, which workers know only by index. */
export class FlowNames {
  /** Newest last. */
  #generations: { readonly number: number; readonly flows: SharedArrayBuffer; readonly lookup: FlowLookup }[] = [];

  /** @param traced whether traced packets may refer to older generations */
  remember({ number, flows }: FlowGeneration, traced: boolean): void {
    const before = traced ? this.#generations.slice(1 - MAX_GENERATIONS) : [];
    // Once workers use the new flows, the memory of the old ones may be overwritten.
    const last = before.pop();
    if (last) before.push({ ...last, lookup: new FlowLookup(new Uint8Array(last.flows).slice().buffer) });
    this.#generations = [...before, { number, flows, lookup: new FlowLookup(flows) }];
  }

  /** Names of a flow and its table; empty if the generation is too old. */
  of(generation: number, flow: number): { flow?: string; table?: string } {
    const lookup = this.#generations.find(({ number }) => number === generation)?.lookup;
    if (!lookup || flow < 0) return {};
    return { flow: lookup.nameOf(flow), table: lookup.targetNameOf(lookup.targetOf(flow)) };
  }
}
