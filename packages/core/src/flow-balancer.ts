import { Balancer, type BalancerOptions } from './balancer.js';
import { type FlowLookup, NO_FLOW } from './flows/index.js';
import { extractKey } from './key/extract.js';
import { Kind } from './key/kind.js';
import type { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { Reason } from './reason.js';
import { packetLength } from './wire/packet-length.js';

/** Flows, with their target tables and counters. */
export interface FlowTargets {
  readonly lookup: FlowLookup;
  /** Target tables, indexed by `lookup.targetOf`; `undefined` for a missing table. */
  readonly tables: readonly (FwmarkLookup | undefined)[];
  /** By flow: packets that matched it. Incremented. */
  readonly matches: Float64Array;
  /** By flow: the octets of those packets, IP headers included. Incremented. */
  readonly octets: Float64Array;
}

/** Decides packets for many target tables: each flow has its table. */
export class FlowBalancer extends Balancer {
  /** Flow of the last packet that was looked up, or {@link NO_FLOW}; an index in {@link FlowTargets.lookup}. */
  flow: number = NO_FLOW;

  #targets: FlowTargets;
  /** By table: the batch in which it was last refreshed. There may be thousands of tables, and a batch uses only a few. */
  #refreshed: Int32Array;
  #batch = 0;

  constructor(targets: FlowTargets, options: BalancerOptions = {}) {
    super(undefined, options);
    this.#targets = targets;
    this.#refreshed = new Int32Array(targets.tables.length);
  }

  /** Switches to other flows. Call between two batches. */
  take(targets: FlowTargets): void {
    this.#targets = targets;
    this.#refreshed = new Int32Array(targets.tables.length).fill(this.#batch - 1);
  }

  override refresh(): void {
    super.refresh();
    this.#batch = (this.#batch + 1) | 0;
  }

  protected override tableOf(bytes: Uint8Array, at: number, length: number, etherType: number): FwmarkLookup | undefined {
    const { lookup, tables, matches, octets } = this.#targets;
    let flow = lookup.find(this.key, this.kind, bytes);
    const encapPort = flow === NO_FLOW ? 0 : lookup.encapPortOf(flow);
    if (encapPort !== 0) {
      this.kind = extractKey(this.key, bytes, at, length, etherType, encapPort);
      if (this.kind === Kind.Malformed) {
        this.reason = Reason.Malformed;
        return undefined;
      }
      flow = lookup.find(this.key, this.kind, bytes);
    }
    this.flow = flow;
    if (flow === NO_FLOW) {
      this.reason = Reason.NoFlow;
      return undefined;
    }
    matches[flow]!++;
    octets[flow]! += packetLength(bytes, at, etherType);
    const index = lookup.targetOf(flow);
    const table = tables[index];
    if (table === undefined) {
      this.reason = Reason.NoTarget;
      return undefined;
    }
    if (this.#refreshed[index] !== this.#batch) {
      this.#refreshed[index] = this.#batch;
      table.refresh();
    }
    return table;
  }
}
