import type { ReplayedBalancer } from './replayed-balancer.js';

/** A configuration change at a point in the capture. */
export interface ScheduledChange {
  /** Seconds after the capture's first packet. */
  readonly at: number;
  /** As given by the user. */
  readonly command: string;
  /** Name of the table that is changed, or that a flow should lead to. */
  readonly table?: string | undefined;
  /** Whether connections keep their former targets for a time. */
  readonly drains?: boolean;
  /** Whether it changes flows. */
  readonly changesFlows: boolean;
  readonly apply: (replayed: ReplayedBalancer) => void;
}

/** Changes in order of time; those at the same time in the order given. */
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

  /**
   * Applies every change due at `now`, before a packet with the same timestamp is decided.
   *
   * @param onApplied called after each
   */
  applyUntil(now: number, replayed: ReplayedBalancer, onApplied?: (change: ScheduledChange) => void): void {
    for (; this.due <= now; this.#next++) {
      const change = this.#changes[this.#next]!;
      change.apply(replayed);
      onApplied?.(change);
    }
  }

  /** Notes that packets up to `now` have been decided. */
  reach(now: number): void {
    this.#reached = Math.max(this.#reached, now);
  }

  /** One line for each change that was not applied because the capture ended before it. */
  describePending(): string[] {
    const end = this.#reached.toFixed(3);
    return this.#changes
      .slice(this.#next)
      .map(({ command }) => `warning: --at=${command}: not applied, because the last packet is ${end} s after the first one`);
  }
}
