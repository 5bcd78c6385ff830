import { FlowLookup } from '@nfqlb/core/flows';
import type { FlowGeneration } from './flow-generations.js';

/** Generations of flows of which packets may still be under way from the workers, while somebody traces. */
const REMEMBERED = 8;

/** What flows are called that workers know by number. */
export class FlowNames {
  /** The newest last. */
  #generations: { readonly number: number; readonly flows: SharedArrayBuffer; readonly lookup: FlowLookup }[] = [];

  /** @param traced whether packets of those before it may still be asked for */
  remember({ number, flows }: FlowGeneration, traced: boolean): void {
    const before = traced ? this.#generations.slice(1 - REMEMBERED) : [];
    // Once workers have the new ones, the memory of the old may be written over.
    const last = before.pop();
    if (last) before.push({ ...last, lookup: new FlowLookup(new Uint8Array(last.flows).slice().buffer) });
    this.#generations = [...before, { number, flows, lookup: new FlowLookup(flows) }];
  }

  /** Names of a flow and of its table; empty for a generation that is too long ago. */
  of(generation: number, flow: number): { flow?: string; table?: string } {
    const lookup = this.#generations.find(({ number }) => number === generation)?.lookup;
    if (!lookup || flow < 0) return {};
    return { flow: lookup.nameOf(flow), table: lookup.targetNameOf(lookup.targetOf(flow)) };
  }
}
