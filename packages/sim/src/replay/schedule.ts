import { UsageError } from '@nfqlb/options';
import type { ReplayedBalancer } from './replayed-balancer.js';

/** A change of configuration at a moment of the capture. */
export interface ScheduledChange {
  /** Seconds after the capture's first packet. */
  readonly at: number;
  /** As it was given. */
  readonly command: string;
  /** Name of the table that is changed, or that a flow shall lead to. */
  readonly table?: string | undefined;
  /** Whether it changes flows. */
  readonly changesFlows: boolean;
  readonly apply: (replayed: ReplayedBalancer) => void;
}

/** Changes in the order of their moments; those of the same moment in the order given. */
export class Schedule {
  readonly #changes: readonly ScheduledChange[];
  #next = 0;
  #reached = 0;

  constructor(changes: readonly ScheduledChange[]) {
    this.#changes = changes.toSorted((a, b) => a.at - b.at);
  }

  /** When the next change is due, in seconds after the first packet; Infinity when none is left. */
  get due(): number {
    return this.#changes[this.#next]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Makes every change that is due at `now`: a packet of the same moment already meets it. */
  applyUntil(now: number, replayed: ReplayedBalancer): void {
    for (; this.due <= now; this.#next++) this.#changes[this.#next]!.apply(replayed);
  }

  /** Tells that packets up to the moment `now` have been decided. */
  reach(now: number): void {
    this.#reached = Math.max(this.#reached, now);
  }

  /** A line for each change that was not made, because the capture ended before its moment. */
  describePending(): string[] {
    const end = this.#reached.toFixed(3);
    return this.#changes
      .slice(this.#next)
      .map(({ command }) => `warning: --at=${command}: not made, because the last packet is ${end} s after the first one`);
  }

  /** @throws UsageError for a change that cannot be made with these tables and flows */
  check({ tables, flows }: ReplayedBalancer): void {
    for (const { command, table, changesFlows } of this.#changes) {
      const subject = { option: '--at', value: command };
      if (changesFlows && !flows) throw new UsageError('invalid-value', 'there are no flows: they need --config, with flows', subject);
      if (table !== undefined && !tables.has(table)) {
        throw new UsageError('invalid-value', `there is no table ${table}; there is ${[...tables.keys()].join(', ') || 'none'}`, subject);
      }
    }
  }
}
