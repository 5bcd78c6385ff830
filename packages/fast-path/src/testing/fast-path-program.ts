// A process with a fast path: `node fast-path-program.mjs SETUP`, SETUP in JSON. Says how it is in a message, and after each order again.

import { FwmarkLookup, type Target, type TargetTable } from '@nfqlb/core';
import { parseCidr } from '@nfqlb/core/address';
import { defineFlow, type FlowDefinition, FlowSet } from '@nfqlb/core/flows';
import { compileFlows, compileTable } from '../decision/index.js';
import { FastPath, type FastPathOptions, type InterfaceState } from '../fast-path.js';
import { FastPathError } from '../fast-path-error.js';
import { tableOf } from './table.js';

export interface Setup extends FastPathOptions {
  readonly vips: readonly string[];
  /** Active targets of the table. */
  readonly fwmarks: readonly number[];
}

export type Order =
  | { readonly order: 'targets'; readonly fwmarks: readonly number[] }
  | { readonly order: 'resize'; readonly M: number; readonly fwmarks: readonly number[] }
  | { readonly order: 'flows'; readonly flows: readonly FlowDefinition[] }
  | { readonly order: 'look' }
  | { readonly order: 'close'; readonly keep: boolean };

export interface Answer {
  readonly error?: { readonly code: string; readonly message: string };
  readonly interfaces?: readonly InterfaceState[];
  /** Counted packets by fwmark, and by flow. */
  readonly targets?: readonly (readonly [fwmark: number, packets: number])[];
  readonly flows?: readonly (readonly [name: string, packets: number])[];
}

class Program {
  readonly #fast: FastPath;
  readonly #vips;
  #table: TargetTable;
  #lookups: (FwmarkLookup | undefined)[];

  constructor({ vips, fwmarks, ...options }: Setup) {
    this.#vips = vips.map((vip) => parseCidr(vip)!);
    this.#table = tableOf(fwmarks);
    this.#lookups = [new FwmarkLookup(this.#table)];
    this.#fast = new FastPath(options);
    this.#fast.take(compileTable(this.#vips), this.#lookups);
  }

  obey(order: Order): void {
    switch (order.order) {
      case 'targets':
        this.#table.activate(order.fwmarks.map((fwmark): Target => ({ fwmark })));
        this.#table.deactivate(Array.from(this.#table.active).filter((fwmark) => fwmark >= 0 && !order.fwmarks.includes(fwmark)));
        this.#fast.refresh(this.#lookups);
        break;
      case 'resize':
        this.#table = tableOf(order.fwmarks, order.M);
        this.#lookups = [new FwmarkLookup(this.#table)];
        this.#fast.refresh(this.#lookups);
        break;
      case 'flows': {
        const decision = compileFlows(new FlowSet(order.flows.map(defineFlow)), { vips: this.#vips });
        this.#lookups = decision.targets.map((name) => (name === 'none' ? undefined : new FwmarkLookup(tableOf([Number(name)]))));
        this.#fast.take(decision, this.#lookups);
        break;
      }
      case 'look':
        this.#fast.look();
        break;
      case 'close':
        this.#fast.close(order);
    }
  }

  get state(): Answer {
    const { targets, flows } = this.#fast.counts();
    return {
      interfaces: this.#fast.interfaces,
      targets: Array.from(targets, ([fwmark, { packets }]) => [fwmark, packets] as const),
      flows: Array.from(flows, ([name, { packets }]) => [name, packets] as const),
    };
  }
}

function attempt(work: () => Answer): void {
  try {
    process.send!(work());
  } catch (error) {
    if (!(error instanceof FastPathError)) throw error;
    process.send!({ error: { code: error.code, message: error.message } } satisfies Answer);
  }
}

let program: Program | undefined;
attempt(() => {
  program = new Program(JSON.parse(process.argv[2]!) as Setup);
  return program.state;
});
process.on('message', (order: Order) =>
  attempt(() => {
    program!.obey(order);
    return program!.state;
  }),
);
