import type { FastReason } from './fast-reason.js';

export interface Count {
  readonly packets: number;
  /** Of whole IP packets, headers included. */
  readonly octets: number;
}

/** What the program has counted since this process started; counts of earlier generations are included. */
export interface FastPathCounts {
  /** By {@link FastReason}. */
  readonly reasons: readonly Count[];
  /** Marked packets by fwmark, also those for packets without target or flow. */
  readonly targets: ReadonlyMap<number, Count>;
  /** Marked packets of fwmarks beyond the first 4096. */
  readonly others: Count;
  /**
   * Marked packets by flow name, summed over generations (see `FastPath.forgetFlow`).
   */
  readonly flows: ReadonlyMap<string, Count>;
}

/** Sum over these reasons. */
export function sumCounts(counts: FastPathCounts, reasons: readonly FastReason[]): Count {
  return reasons.map((reason) => counts.reasons[reason]!).reduce(plus, ZERO);
}

export const ZERO: Count = { packets: 0, octets: 0 };

export function plus(a: Count, b: Count): Count {
  return { packets: a.packets + b.packets, octets: a.octets + b.octets };
}
