import type { Status } from '@nfqlb/protocol/status';

/** What is in transition, of all tables; see docs/drain.md. */
export interface Draining {
  readonly buckets: number;
  readonly targets: readonly number[];
  readonly remembered: number;
  /** Packets of connections for which there was no room. */
  readonly refused: number;
}

/** `undefined` if nothing is in transition, and no connection remembered. */
export function drainingOf({ tables, connections }: Status): Draining | undefined {
  const buckets = tables.reduce((sum, { inTransition = 0 }) => sum + inTransition, 0);
  const { remembered = 0, refused = 0 } = connections ?? {};
  if (buckets === 0 && remembered === 0) return undefined;
  const targets = [...new Set(tables.flatMap(({ draining = [] }) => draining))].sort((a, b) => a - b);
  return { buckets, targets, remembered, refused };
}
