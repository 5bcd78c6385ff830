import { Balancer, type BalancerOptions, type ConnectionSet, FlowBalancer } from '@nfqlb/core';
import { MappedTable } from './mapped-table.js';
import { WorkerFlows } from './worker-flows.js';
import type { WorkerOptions } from './worker-options.js';

/** Source of a worker's targets: one table for all packets (`lb`), or flows, each with a table (`flowlb`). */
export interface Targets {
  /** Whether the mapped memory still holds the table. */
  readonly intact: boolean;
  /** Whether {@link renew} has work to do, and whether that must not wait for packets. */
  readonly outdated: boolean;
  readonly hasPendingWork: boolean;
  /** Generation of the flows in use; 0 without flows. */
  readonly generation: number;
  /** Does one step of switching to newer flows and their tables. `balancer` was created by {@link balancer}. */
  renew(balancer: Balancer): void;
  /**
   * Switches to replaced tables, for the next {@link balancer}.
   *
   * @returns false if a table is incomplete: the old one stays in use
   */
  renewTables(): boolean;
  balancer(options: BalancerOptions): Balancer;
}

export function openTargets({ table, flows, worker }: WorkerOptions, connections: ConnectionSet): Targets {
  if (flows !== undefined) return new ManyTables(new WorkerFlows(flows.port, flows.board, worker, connections));
  return new OneTable(new MappedTable(table!, connections));
}

class OneTable implements Targets {
  readonly outdated = false;
  readonly hasPendingWork = false;
  readonly generation = 0;
  readonly #table: MappedTable;

  constructor(table: MappedTable) {
    this.#table = table;
  }

  get intact(): boolean {
    return this.#table.intact;
  }

  renew(): void {}

  renewTables(): boolean {
    return this.#table.renew();
  }

  balancer(options: BalancerOptions): Balancer {
    return new Balancer(this.#table.lookup, options);
  }
}

class ManyTables implements Targets {
  /** There may be thousands of tables, so they are not checked here: the main thread notices when one was replaced. */
  readonly intact = true;
  readonly #flows: WorkerFlows;

  constructor(flows: WorkerFlows) {
    this.#flows = flows;
  }

  get outdated(): boolean {
    return this.#flows.outdated;
  }

  get hasPendingWork(): boolean {
    return this.#flows.hasPendingWork;
  }

  get generation(): number {
    return this.#flows.generation;
  }

  renew(balancer: FlowBalancer): void {
    if (this.#flows.proceed()) balancer.take(this.#flows.targets);
  }

  renewTables(): boolean {
    this.#flows.suspectTables();
    return true;
  }

  balancer(options: BalancerOptions): FlowBalancer {
    return new FlowBalancer(this.#flows.targets, options);
  }
}
