import { REASON_NAMES, Reason, type TargetTable } from '@nfqlb/core';

/** What one fwmark got. */
export interface TargetTally {
  packets: number;
  /** Octets of its packets on the wire, IP headers included. */
  octets: number;
  /** Packets that it would have got, had each stretch of the capture been shared exactly by weight. */
  ideal: number;
}

/** Counts of one replay. */
export class Tally {
  packets = 0;
  octets = 0;
  /** By fwmark. */
  readonly targets: Map<number, TargetTally> = new Map();
  /** Packets accepted and dropped, by {@link Reason}. */
  readonly accepted: Float64Array = new Float64Array(REASON_NAMES.length);
  readonly dropped: Float64Array = new Float64Array(REASON_NAMES.length);

  /** Balanced packets since the targets last changed. */
  #stretch = 0;

  count(fwmark: number, reason: Reason, octets: number): void {
    this.packets++;
    this.octets += octets;
    if (fwmark < 0) {
      this.dropped[reason]!++;
      return;
    }
    this.accepted[reason]!++;
    if (reason === Reason.Balanced) this.#stretch++;
    const target = this.target(fwmark);
    target.packets++;
    target.octets += octets;
  }

  /** Shares the packets since the last call among the targets of `table`. Call before each change, and at the end. */
  endStretch(table: TargetTable): void {
    const weights = Array.from(table.active, (_, slot) => table.weightOf(slot));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total > 0) {
      weights.forEach((weight, slot) => {
        if (table.active[slot]! >= 0) this.target(table.active[slot]!).ideal += (this.#stretch * weight) / total;
      });
    }
    this.#stretch = 0;
  }

  target(fwmark: number): TargetTally {
    const known = this.targets.get(fwmark);
    if (known) return known;
    const target: TargetTally = { packets: 0, octets: 0, ideal: 0 };
    this.targets.set(fwmark, target);
    return target;
  }
}
