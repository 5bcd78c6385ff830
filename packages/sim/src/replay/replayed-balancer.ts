import {
  Balancer,
  type BalancerOptions,
  ConnectionSet,
  type ConnectionSetOptions,
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
  readonly connections?: ConnectionSetOptions;
  readonly balancer?: Omit<BalancerOptions, 'fragments' | 'tier' | 'connections'>;
}

/** A load balancer as in `nfqlb lb` or `flowlb`, in its own memory and in virtual time. */
export class ReplayedBalancer {
  readonly tables: ReadonlyMap<string, TargetTable>;
  /** Names of the tables, by number. */
  readonly tableNames: readonly string[];
  readonly flows: ReplayedFlows | undefined;
  readonly tier: TargetTable | undefined;
  readonly fragments: ReturningFragments;
  readonly connections: ConnectionSet;
  readonly balancer: Balancer;
  /** Name of the table for all packets, if there are no flows. */
  readonly #table: string | undefined;

  /** @throws CoreError */
  constructor({ tables, choice, tier, fragments, connections = {}, balancer }: ReplayedBalancerOptions) {
    this.tables = new Map([...tables].map(([name, table]) => [name, createTable(table)]));
    this.tableNames = [...tables.keys()];
    this.tier = tier && createTable(tier);
    this.fragments = new ReturningFragments(fragments);
    // A fixed key, so that a replay is reproducible.
    this.connections = new ConnectionSet(ConnectionSet.createMemory(connections, [0, 0]), connections);
    const options = {
      ...balancer,
      connections: this.connections,
      fragments: this.fragments,
      ...(this.tier && { tier: new FwmarkLookup(this.tier) }),
    };
    this.#table = typeof choice === 'string' ? choice : undefined;
    if (typeof choice === 'string') {
      this.balancer = new Balancer(new FwmarkLookup(this.tables.get(choice)!, this.connections), options);
    } else {
      const lookups = new Map([...this.tables].map(([name, table], id) => [name, new FwmarkLookup(table, this.connections, id)]));
      this.flows = new ReplayedFlows(choice.flows, lookups, choice.promiscuousPing);
      this.balancer = new FlowBalancer(this.flows.targets, options);
    }
  }

  /** Sets the clock, in seconds since the first packet. */
  advance(seconds: number, nanoseconds: number): void {
    this.fragments.advance(seconds, nanoseconds);
    // If the capture's clock goes back, this one stands still.
    this.connections.now = Math.max(this.connections.now, seconds * 1000 + nanoseconds / 1e6);
  }

  /** Picks up changes of the tables and the flows. Call between packets. */
  refresh(): void {
    if (this.flows) (this.balancer as FlowBalancer).take(this.flows.targets);
    this.balancer.refresh();
  }

  /** Table that chose the last packet's target; `undefined` if none was asked. */
  get table(): TargetTable | undefined {
    const name = this.tableName;
    return name === undefined ? undefined : this.tables.get(name);
  }

  get tableName(): string | undefined {
    if (this.balancer.bucket < 0) return undefined;
    const flow = this.flows && (this.balancer as FlowBalancer).flow;
    return flow === undefined ? this.#table! : this.flows!.tableOf(flow);
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
