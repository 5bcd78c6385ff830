import type { Deliveries } from '../deliveries.js';
import type { Target, TargetName } from '../target.js';
import { counted, explain } from './report.js';
import { deliveriesIn, type MatcherContext, type MatcherResult } from './result.js';

/** All packets reached one of these targets, or of these tables' targets; with `not`, none did. */
export function toReach(this: MatcherContext, received: unknown, ...names: readonly TargetName[]): MatcherResult {
  const deliveries = deliveriesIn(received, 'toReach');
  const wanted = new Set<Target | undefined>(names.flatMap((name) => deliveries.targetsNamed(name)));
  return judge(this, deliveries, wanted, `reach ${names.join(' or ')}`);
}

/** No packet reached a target; with `not`, all did. */
export function toReachNoTarget(this: MatcherContext, received: unknown): MatcherResult {
  return judge(this, deliveriesIn(received, 'toReachNoTarget'), new Set([undefined]), 'reach no target');
}

function judge(
  { isNot = false }: MatcherContext,
  { all }: Deliveries,
  wanted: ReadonlySet<Target | undefined>,
  what: string,
): MatcherResult {
  const wrong = all.filter(({ target }) => wanted.has(target) === isNot);
  return {
    // Vitest inverts it again.
    pass: (wrong.length === 0) !== isNot,
    message: () =>
      `expected ${counted(all.length, 'packet')} ${isNot ? 'not ' : ''}to ${what}, but ${wrong.length} did${isNot ? '' : ' not'}:\n${explain(wrong)}`,
  };
}
