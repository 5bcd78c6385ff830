import type { TargetTable } from '@nfqlb/core';

/**
 * Shares the packets that the targets of each table got among those targets by weight: what each would have got if the table were perfect. A target
 * of two tables counts for the first.
 *
 * @param packetsOf what a target got; asked once for each
 * @param give gets the share of each target of a table that got anything
 */
export function idealShares(
  tables: Iterable<TargetTable>,
  packetsOf: (fwmark: number) => number,
  give: (fwmark: number, packets: number) => void,
): void {
  const asked = new Set<number>();
  for (const table of tables) {
    const targets = table.slots.filter((slot) => slot !== undefined);
    const total = targets.reduce((sum, { weight }) => sum + weight, 0);
    let packets = 0;
    for (const { fwmark } of targets) {
      if (!asked.has(fwmark)) packets += packetsOf(fwmark);
      asked.add(fwmark);
    }
    if (packets === 0 || total === 0) continue;
    for (const { fwmark, weight } of targets) give(fwmark, (packets * weight) / total);
  }
}
