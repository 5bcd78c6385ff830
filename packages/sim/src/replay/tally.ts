import { REASON_NAMES, Reason, STORED, type TargetTable } from '@nfqlb/core';
import { idealShares } from './ideal-shares.js';

/** Counts of one fwmark. */
export interface TargetTally {
  packets: number;
  /** Of these, stored fragments that were re-injected. */
  reinjected: number;
  /** Octets of its packets on the wire, including IP headers. */
  octets: number;
  /** Packets it would have got if each table had shared its packets exactly by weight, in each stretch of the capture between changes. */
  ideal: number;
  /** Packets it got before the current stretch. */
  before: number;
}

/** Counts of one replay. */
export class Tally {
  /** Packets of the capture, and their octets on the wire. */
  packets = 0;
  octets = 0;
  /** Fragments that were stored, and those that were re-injected. */
  stored = 0;
  reinjected = 0;
  /** By fwmark. */
  readonly targets: Map<number, TargetTally> = new Map();
  /** Counts of the other load balancers in the tier, by fwmark. */
  readonly tier: Map<number, TargetTally> = new Map();
  /** Packets dropped, by {@link Reason}. */
  readonly dropped: Float64Array = new Float64Array(REASON_NAMES.length);

  /** Counts a packet of the capture. */
  count(fwmark: number, reason: Reason, octets: number): void {
    this.packets++;
    this.octets += octets;
    this.#countDecision(fwmark, reason, octets, false);
  }

  /** Counts the decision on a re-injected fragment, without counting the packet again. */
  countReinjected(fwmark: number, reason: Reason, octets: number): void {
    this.reinjected++;
    this.#countDecision(fwmark, reason, octets, true);
  }

  /** Packets that went to targets. */
  get accepted(): number {
    return [...this.targets.values()].reduce((sum, { packets }) => sum + packets, 0);
  }

  /**
   * Shares the packets that each table's targets got since the last call among those targets by weight. Call before each change, and at the
   * end. A target of two tables counts for the first.
   */
  endStretch(tables: Iterable<TargetTable>): void {
    idealShares(
      tables,
      (fwmark) => {
        const tally = this.targets.get(fwmark);
        return tally === undefined ? 0 : tally.packets - tally.before;
      },
      (fwmark, packets) => {
        tallyOf(this.targets, fwmark).ideal += packets;
      },
    );
    for (const tally of this.targets.values()) tally.before = tally.packets;
  }

  #countDecision(fwmark: number, reason: Reason, octets: number, reinjected: boolean): void {
    if (fwmark === STORED) {
      this.stored++;
      return;
    }
    if (fwmark < 0) {
      this.dropped[reason]!++;
      return;
    }
    const target = tallyOf(reason === Reason.FragmentToTier ? this.tier : this.targets, fwmark);
    target.packets++;
    if (reinjected) target.reinjected++;
    target.octets += octets;
  }
}

function tallyOf(tallies: Map<number, TargetTally>, fwmark: number): TargetTally {
  const known = tallies.get(fwmark);
  if (known) return known;
  const tally: TargetTally = { packets: 0, reinjected: 0, octets: 0, ideal: 0, before: 0 };
  tallies.set(fwmark, tally);
  return tally;
}
