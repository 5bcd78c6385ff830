import type { Deliveries } from '../deliveries.js';
import type { Target } from '../target.js';
import { TestingError } from '../testing-error.js';
import { percent } from './report.js';
import { deliveriesIn, type MatcherResult } from './result.js';

export interface BalanceOptions {
  /** Only this table. Default: each by itself. */
  readonly of?: string;
}

interface Share {
  readonly target: Target;
  readonly connections: number;
  readonly share: number;
  readonly ideal: number;
}

/**
 * Each target has its share of the connections, by its weight.
 *
 * @param tolerance how far its share may be from the ideal, relative to the ideal: 0.05 is five percent of it
 */
export function toBalanceWithin(received: unknown, tolerance: number, { of: only }: BalanceOptions = {}): MatcherResult {
  const deliveries = deliveriesIn(received, 'toBalanceWithin');
  if (!(tolerance > 0)) throw new TestingError(`toBalanceWithin: ${tolerance}: must be more than 0, such as 0.05`);
  if (only !== undefined && !deliveries.active.has(only)) {
    throw new TestingError(`toBalanceWithin: there is no table ${only}; there are ${[...deliveries.active.keys()].join(', ')}`);
  }
  const shares = [...deliveries.active.keys()]
    .filter((table) => only === undefined || table === only)
    .flatMap((table) => sharesOf(deliveries, table));
  if (shares.length === 0) throw new TestingError('toBalanceWithin: none of these packets belongs to a connection of a target');
  const isOff = ({ share, ideal }: Share): boolean => Math.abs(share - ideal) > tolerance * ideal;
  return {
    pass: !shares.some(isOff),
    message: () =>
      [
        `expected each target's share of connections within ${percent(tolerance)} of the ideal:`,
        ...shares.map((each) => `  ${isOff(each) ? '✗' : ' '} ${line(each)}`),
      ].join('\n'),
  };
}

function line({ target, connections, share, ideal }: Share): string {
  const off = ideal === 0 ? 0 : share / ideal - 1;
  return `${target.name}: ${connections}, ${percent(share)}; ideal ${percent(ideal)}; ${off >= 0 ? '+' : ''}${percent(off)}`;
}

/** Empty if no packet went by the table. */
function sharesOf(deliveries: Deliveries, table: string): Share[] {
  const active = deliveries.active.get(table)!;
  const targets = new Map<string, Target>();
  for (const delivery of deliveries) {
    if (delivery.table === table && delivery.connection !== undefined && delivery.target) targets.set(delivery.connection, delivery.target);
  }
  if (targets.size === 0) return [];
  const counts = new Map<Target, number>();
  for (const target of targets.values()) counts.set(target, (counts.get(target) ?? 0) + 1);
  const total = [...active.values()].reduce((sum, weight) => sum + weight, 0);
  return [...active].map(([target, weight]) => {
    const connections = counts.get(target) ?? 0;
    return { target, connections, share: connections / targets.size, ideal: total === 0 ? 0 : weight / total };
  });
}
