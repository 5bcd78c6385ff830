import { type Family, type Figures, LOSS_LOAD, OVERLOAD } from './figures.js';
import type { ScenarioResult } from './run-scenario.js';
import { type Scenario, UNITS } from './scenario.js';

/** The figures of a contender in a round, with those of others in the same round. */
export interface Measured {
  readonly own: Figures;
  readonly forward: Figures;
  /** C nfqlb's, if it took part. */
  readonly c: Figures | undefined;
}

/** A column of a table: something that is computed of each round, so that ratios and differences are those of neighbours in time. */
export interface Quantity {
  /** Heading, with unit. */
  readonly title: string;
  readonly digits: number;
  /** `undefined`: does not apply, or means nothing because of an overload. */
  readonly of: (measured: Measured) => number | undefined;
  /** Whether the fastest and slowest round are shown beside the median. */
  readonly ranged?: boolean;
}

/** All of a scenario. */
export function quantities({ traffic }: Scenario, bursts: readonly number[]): Quantity[] {
  const unit = UNITS[traffic.kind];
  const rates: Quantity[] = [
    { title: unit.perSecond, digits: unit.digits, ranged: true, of: ({ own }) => own.rate / unit.scale },
    { title: '× forwarding', digits: 2, of: ({ own, forward }) => own.rate / forward.rate },
    { title: '× C', digits: 2, ranged: true, of: ({ own, c }) => c && own.rate / c.rate },
  ];
  return [...rates, ...(traffic.kind === 'bulk' ? [] : underLoad(unit.each, traffic.kind === 'datagrams' ? bursts : [1])), ...OF_PROCESS];
}

function underLoad(each: string, bursts: readonly number[]): Quantity[] {
  return [
    ...bursts.map(
      (burst, at): Quantity => ({
        title: `CPU µs per ${each} above forwarding${burst === 1 ? '' : `, in bursts of ${burst}`}`,
        digits: 1,
        ranged: true,
        of: ({ own, forward }) => valid(own.costs[at]) && valid(forward.costs[at]) && own.costs[at]!.each - forward.costs[at]!.each,
      }),
    ),
    ...(['p50', 'p99', 'p999'] as const).map(
      (percentile): Quantity => ({
        title: `${percentile === 'p999' ? 'p99.9' : percentile} µs`,
        digits: 0,
        ranged: true,
        of: ({ own }) => valid(own.latency) && own.latency!.times[percentile],
      }),
    ),
    { title: `lost at ${100 * LOSS_LOAD}% load, %`, digits: 3, ranged: true, of: ({ own }) => own.loss && 100 * own.loss.share },
  ];
}

const OF_PROCESS: readonly Quantity[] = [
  { title: 'queue drops', digits: 0, ranged: true, of: ({ own }) => own.drops?.otherwise },
  { title: 'memory, MiB', digits: 0, of: ({ own }) => own.process && own.process.resident / 1024 ** 2 },
  { title: 'GC pauses', digits: 0, of: ({ own }) => own.process?.collections?.count },
  { title: 'longest pause, ms', digits: 1, of: ({ own }) => own.process?.collections?.longest },
];

/** `undefined` instead of false, for a chain with `&&`. */
function valid(measurement: { readonly lostShare: number } | undefined): true | undefined {
  return measurement && measurement.lostShare <= OVERLOAD ? true : undefined;
}

/** The values of a quantity in each round, of one contender of one run; without those in which it means nothing. */
export function valuesOf({ of }: Quantity, { contenders }: ScenarioResult, name: string): number[] {
  const forward = contenders.forward!;
  return (contenders[name] ?? []).flatMap((own, round) => {
    const value = of({ own, forward: forward[round]!, c: contenders.c?.[round] });
    return value === undefined || Number.isNaN(value) ? [] : [value];
  });
}

/** `IPv4`. */
export function familyName(family: Family): string {
  return `IPv${family}`;
}
