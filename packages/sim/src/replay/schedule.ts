import type { TargetTable } from '@nfqlb/core';

/** A change of configuration at a moment of the capture. */
export interface ScheduledChange {
  /** Seconds after the capture's first packet. */
  readonly at: number;
  readonly apply: (table: TargetTable) => void;
}

/** Changes in the order of their moments; those of the same moment in the order given. */
export class Schedule {
  readonly #changes: readonly ScheduledChange[];
  #next = 0;

  constructor(changes: readonly ScheduledChange[]) {
    this.#changes = changes.toSorted((a, b) => a.at - b.at);
  }

  /** When the next change is due, in seconds after the first packet; Infinity when none is left. */
  get due(): number {
    return this.#changes[this.#next]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Makes every change that is due at `now`: a packet of the same moment already meets it. */
  applyUntil(now: number, table: TargetTable): void {
    for (; this.due <= now; this.#next++) this.#changes[this.#next]!.apply(table);
  }
}
