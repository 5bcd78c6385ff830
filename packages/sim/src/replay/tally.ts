import { REASON_NAMES, Reason, STORED, type TargetTable } from '@nfqlb/core';

/** What one fwmark got. */
export interface TargetTally {
  packets: number;
  /** Of these, the ones that came back after they had been stored. */
  reinjected: number;
  /** Octets of its packets on the wire, IP headers included. */
  octets: number;
  /** Packets that it would have got, had each stretch of the capture been shared exactly by weight. */
  ideal: number;
}

/** Counts of one replay. */
export class Tally {
  /** Of the capture, and their octets on the wire. */
  packets = 0;
  octets = 0;
  /** Fragments that were stored, and those that came back. */
  stored = 0;
  reinjected = 0;
  /** By fwmark. */
  readonly targets: Map<number, TargetTally> = new Map();
  /** What the other load-balancers of the tier got, by fwmark. */
  readonly tier: Map<number, TargetTally> = new Map();
  /** Packets dropped, by {@link Reason}. */
  readonly dropped: Float64Array = new Float64Array(REASON_NAMES.length);

  /** Packets for targets since the targets last changed. */
  #stretch = 0;

  /** Counts a packet of the capture. */
  count(fwmark: number, reason: Reason, octets: number): void {
    this.packets++;
    this.octets += octets;
    this.#countDecision(fwmark, reason, octets, false);
  }

  /** Counts a stored fragment that came back: what became of it, not that it was there. */
  countReinjected(fwmark: number, reason: Reason, octets: number): void {
    this.reinjected++;
    this.#countDecision(fwmark, reason, octets, true);
  }

  /** Packets that went to targets. */
  get accepted(): number {
    return [...this.targets.values()].reduce((sum, { packets }) => sum + packets, 0);
  }

  /** Shares the packets since the last call among the targets of `table`. Call before each change, and at the end. */
  endStretch(table: TargetTable): void {
    const weights = Array.from(table.active, (_, slot) => table.weightOf(slot));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total > 0) {
      weights.forEach((weight, slot) => {
        if (table.active[slot]! >= 0) tallyOf(this.targets, table.active[slot]!).ideal += (this.#stretch * weight) / total;
      });
    }
    this.#stretch = 0;
  }

  #countDecision(fwmark: number, reason: Reason, octets: number, again: boolean): void {
    if (fwmark === STORED) {
      this.stored++;
      return;
    }
    if (fwmark < 0) {
      this.dropped[reason]!++;
      return;
    }
    if (reason === Reason.Balanced || reason === Reason.FragmentKnown) this.#stretch++;
    const target = tallyOf(reason === Reason.FragmentToTier ? this.tier : this.targets, fwmark);
    target.packets++;
    if (again) target.reinjected++;
    target.octets += octets;
  }
}

function tallyOf(tallies: Map<number, TargetTally>, fwmark: number): TargetTally {
  const known = tallies.get(fwmark);
  if (known) return known;
  const tally: TargetTally = { packets: 0, reinjected: 0, octets: 0, ideal: 0 };
  tallies.set(fwmark, tally);
  return tally;
}
