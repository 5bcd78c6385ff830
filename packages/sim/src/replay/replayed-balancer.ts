import {
  Balancer,
  type BalancerOptions,
  FlowBalancer,
  type FragmentTableOptions,
  FwmarkLookup,
  type TableOptions,
  type Target,
  TargetTable,
} from '@nfqlb/core';
import { type FlowDefinition, NO_FLOW } from '@nfqlb/core/flows';
import { ReplayedFlows } from './replayed-flows.js';
import { ReturningFragments } from './returning-fragments.js';

/** A table and its initial targets. */
export interface ReplayedTable extends TableOptions {
  readonly targets: readonly Target[];
}

export interface ReplayedBalancerOptions {
  /** By name. */
  readonly tables: ReadonlyMap<string, ReplayedTable>;
  /** Either the table for all packets, as in `lb`, or the flows that lead to tables, as in `flowlb`. */
  readonly choice: string | { readonly flows: readonly FlowDefinition[]; readonly promiscuousPing: boolean };
  readonly tier?: ReplayedTable | undefined;
  readonly fragments: FragmentTableOptions;
  readonly balancer?: Omit<BalancerOptions, 'fragments' | 'tier'>;
}

/** A load balancer as in `nfqlb lb` or `flowlb`, in its own memory and in virtual time. */
export class ReplayedBalancer {
  readonly tables: ReadonlyMap<string, TargetTable>;
  readonly flows: ReplayedFlows | undefined;
  readonly tier: TargetTable | undefined;
  readonly fragments: ReturningFragments;
  readonly balancer: Balancer;

  /** @throws CoreError */
  constructor({ tables, choice, tier, fragments, balancer }: ReplayedBalancerOptions) {
    this.tables = new Map([...tables].map(([name, table]) => [name, createTable(table)]));
    this.tier = tier && createTable(tier);
    this.fragments = new ReturningFragments(fragments);
    const options = { ...balancer, fragments: this.fragments, ...(this.tier && { tier: new FwmarkLookup(this.tier) }) };
    if (typeof choice === 'string') {
      this.balancer = new Balancer(new FwmarkLookup(this.tables.get(choice)!), options);
    } else {
      const lookups = new Map([...this.tables].map(([name, table]) => [name, new FwmarkLookup(table)]));
      this.flows = new ReplayedFlows(choice.flows, lookups, choice.promiscuousPing);
      this.balancer = new FlowBalancer(this.flows.targets, options);
    }
  }

  /** Picks up changes of the tables and the flows. Call between packets. */
  refresh(): void {
    if (this.flows) (this.balancer as FlowBalancer).take(this.flows.targets);
    this.balancer.refresh();
  }

  /** Name of the flow that the last packet matched, or `undefined`. Only meaningful when a table was looked up, or should have been. */
  get flow(): string | undefined {
    if (!this.flows) return undefined;
    const { flow } = this.balancer as FlowBalancer;
    return flow === NO_FLOW ? undefined : this.flows.nameOf(flow);
  }
}

function createTable({ targets, ...options }: ReplayedTable): TargetTable {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
  table.setTargets(targets);
  return table;
}
