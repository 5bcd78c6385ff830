import type { TargetTable } from '@nfqlb/core';
import { mulberry32 } from '../mulberry32.js';
import { ReplayedBalancer, type ReplayedBalancerOptions, type ReplayedTable } from '../replay/replayed-balancer.js';
import { Schedule, type ScheduledChange } from '../replay/schedule.js';

/** Fwmark of load balancer 1 in the tier; the others follow. */
const FIRST_FWMARK = 201;

/** Whether all load balancers activate their targets in the same order, or each in another. */
export type Order = 'same' | 'different';

/** A load balancer of a tier, from when it begins until it is lost. One that comes back is another member: it remembers nothing. */
export class Member {
  /** From 1. */
  readonly number: number;
  readonly fwmark: number;
  readonly replayed: ReplayedBalancer;
  readonly schedule: Schedule;
  /** Packets that it got from the router, and fragments from other load balancers. */
  packets = 0;
  forwarded = 0;

  constructor(
    number: number,
    options: ReplayedBalancerOptions,
    changes: readonly ScheduledChange[],
    tier: Omit<ReplayedTable, 'targets'>,
    order: Order,
  ) {
    this.number = number;
    this.fwmark = FIRST_FWMARK + number - 1;
    const tables = order === 'same' ? options.tables : new Map([...options.tables].map(([name, table]) => [name, shuffled(table, number)]));
    this.replayed = new ReplayedBalancer({ ...options, tables, tier: { ...tier, ownFwmark: this.fwmark, targets: [] } });
    this.schedule = new Schedule(changes);
  }

  /** Brings clock, targets and tier up to a time of the capture, before a packet is decided. */
  advance(seconds: number, nanoseconds: number): void {
    this.replayed.advance(seconds, nanoseconds);
    const now = seconds + nanoseconds / 1e9;
    if (now < this.schedule.due) return;
    this.schedule.applyUntil(now, this.replayed);
    this.replayed.refresh();
  }

  /** Name of one of its tables. */
  nameOf(table: TargetTable): string {
    return [...this.replayed.tables].find(([, each]) => each === table)![0];
  }

  /**
   * Sets the tier's load balancers, each in the slot of its number: then all have the same table, with --permutation=nfqlb, too, where slots
   * decide. Otherwise they would send a fragment to each other for ever.
   *
   * @param members all load balancers that are there
   */
  share(members: Iterable<Member>): void {
    const tier = this.replayed.tier!;
    const fwmarks = new Map([...members].map((member) => [member.number - 1, { fwmark: member.fwmark }]));
    tier.setSlots(Array.from({ length: tier.N }, (_, slot) => fwmarks.get(slot)));
    this.replayed.refresh();
  }
}

/** Its targets in an order that depends on the number of the load balancer: that of 1 is as given. */
function shuffled(table: ReplayedTable, number: number): ReplayedTable {
  const random = mulberry32(number);
  const keyed = table.targets.map((target) => ({ target, key: number === 1 ? 0 : random() }));
  return { ...table, targets: keyed.sort((a, b) => a.key - b.key).map(({ target }) => target) };
}
