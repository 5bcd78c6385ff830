import type { Target as ActiveTarget, TargetTable } from '@nfqlb/core';
import { decisionOptions, ReplayedBalancer } from '@nfqlb/sim/laboratory';
import type { SiteConfiguration } from '../configuration.js';
import type { TargetChange } from '../world.js';

/** The table of the load balancers of a tier, and their fwmarks in it. */
export const TIER = { M: 997, N: 64 } as const;
export const TIER_FWMARK = 1_000_000_000;

/** How often the load balancer looks for changes, in seconds: more often than it need. */
const REFRESH = 0.01;

/** A load balancer as `nfqlb flowlb`, in virtual time. */
export class SimulatedLoadBalancer {
  /** From 1. */
  readonly number: number;
  readonly replayed: ReplayedBalancer;
  readonly hashMode: 0 | 1;
  #refreshed = 0;

  constructor(
    number: number,
    { tables, flows, options }: SiteConfiguration,
    targets: ReadonlyMap<string, readonly ActiveTarget[]>,
    inTier: boolean,
  ) {
    this.number = number;
    this.hashMode = options.hash_mode === '0' ? 0 : 1;
    this.replayed = new ReplayedBalancer({
      ...decisionOptions(options),
      tables: new Map([...tables].map(([name, table]) => [name, { ...table, targets: targets.get(name)! }])),
      choice: { flows, promiscuousPing: options.promiscuous_ping },
      tier: inTier ? { ...TIER, ownFwmark: TIER_FWMARK + number, targets: [] } : undefined,
    });
  }

  get tables(): ReadonlyMap<string, TargetTable> {
    return this.replayed.tables;
  }

  /** @param now in seconds */
  advance(now: number): void {
    this.replayed.advance(now, 0);
    if (now < this.#refreshed + REFRESH) return;
    this.#refreshed = now;
    this.replayed.refresh();
  }

  /** @param now in seconds */
  change(change: TargetChange, now: number): void {
    const table = this.tables.get(change.table)!;
    if (change.what === 'activate') table.activate([change.target], { now: now * 1000, seconds: table.drain });
    else table.deactivate(change.fwmarks, { now: now * 1000, seconds: change.drain ?? table.drain });
    this.replayed.refresh();
  }

  /** @param now in seconds */
  apply({ tables, flows }: SiteConfiguration, now: number): void {
    for (const [name, { targets, drain }] of tables) {
      const table = this.tables.get(name)!;
      table.drain = drain;
      table.setTargets(targets, { now: now * 1000, seconds: drain });
    }
    const present = this.replayed.flows!;
    for (const { name } of present.tallies()) if (!flows.some((flow) => flow.name === name)) present.delete(name);
    for (const flow of flows) present.define(flow);
    this.replayed.refresh();
  }

  /** Sets the load balancers of its tier. */
  share(numbers: readonly number[]): void {
    this.replayed.tier?.setTargets(numbers.map((number) => ({ fwmark: TIER_FWMARK + number })));
    this.replayed.refresh();
  }
}
