import { Balancer, type BalancerOptions, FlowBalancer } from '@nfqlb/core';
import { MappedTable } from './mapped-table.js';
import { WorkerFlows } from './worker-flows.js';
import type { WorkerOptions } from './worker-options.js';

/** Where a worker's targets come from: one table for all packets (`lb`), or flows with a table each (`flowlb`). */
export interface Targets {
  /** Whether what is mapped still is what it was. */
  readonly intact: boolean;
  /** Whether {@link renew} has something to do, and whether that shall not wait for packets. */
  readonly outdated: boolean;
  readonly hasPendingWork: boolean;
  /** Number of the flows in use; 0 where there are none. */
  readonly generation: number;
  /** Does a step of taking up newer flows and their tables; `balancer` is one that this made. */
  renew(balancer: Balancer): void;
  /**
   * Takes up the tables that the names lead to now, for the next {@link balancer}.
   *
   * @returns false while one is not whole yet: what is in hand serves on
   */
  renewTables(): boolean;
  balancer(options: BalancerOptions): Balancer;
}

export function openTargets({ table, flows, worker }: WorkerOptions): Targets {
  if (flows !== undefined) return new ManyTables(new WorkerFlows(flows.port, flows.board, worker));
  return new OneTable(new MappedTable(table!));
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
  /** There may be thousands: the main thread tells when a name leads elsewhere, and their readers keep to what they have until then. */
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
