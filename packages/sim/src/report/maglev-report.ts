import { number } from '../columns.js';
import type { Comparison } from '../hashing/comparison.js';
import type { BarPlot, ReportDocument } from './report-document.js';

/** Results of one way to hash, a table each. */
export interface MethodResults {
  readonly name: string;
  readonly results: readonly Comparison[];
}

/** The report of `sim maglev`. Each bar is the mean of all tables. */
export function maglevReport(
  methods: readonly MethodResults[],
  M: number,
  targets: number,
  remove: number,
  program: string,
): ReportDocument {
  const mean = ({ results }: MethodResults, field: keyof Comparison): number =>
    results.reduce((sum, result) => sum + result[field], 0) / results.length;
  const percents = (field: keyof Comparison): number[] => methods.map((method) => round(100 * mean(method, field)));
  const groups = methods.map(({ name }) => name);
  const balance: BarPlot = {
    kind: 'bars',
    title: 'Balance',
    note: 'Over-provisioning: how much more than the mean the target with most buckets has. Variation: standard deviation of the buckets of a target, by their mean.',
    unit: '%',
    groups,
    bars: [
      { name: 'over-provisioning', values: percents('overProvisioning') },
      { name: 'variation', values: percents('variation') },
    ],
  };
  const disruption: BarPlot = {
    kind: 'bars',
    title: 'Disruption',
    note: 'Buckets that moved when targets went, and those of targets that went: so many must move, whatever way to hash is used.',
    unit: '%',
    groups,
    bars: [
      { name: 'moved', values: percents('changed') },
      { name: 'must move', values: percents('removed') },
    ],
  };
  const loops = Math.max(...methods.map(({ results }) => results.length));
  const rows = methods.flatMap(({ name, results }) =>
    results.map(({ min, max, variation, overProvisioning, changed, disrupted }, i) => [
      name,
      i + 1,
      min,
      max,
      ...[variation, overProvisioning, changed, disrupted].map((part) => round(100 * part)),
    ]),
  );
  return {
    title: 'Maglev tables',
    subtitle: `${number(M)} buckets, ${number(targets)} targets, of which ${number(remove)} go; ${number(loops)} tables`,
    program,
    parts: [
      balance,
      disruption,
      {
        kind: 'table',
        title: 'Tables',
        columns: [
          { name: 'method', type: 'text' },
          { name: 'table', type: 'number' },
          { name: 'fewest', type: 'number' },
          { name: 'most', type: 'number' },
          { name: 'variation', type: '%' },
          { name: 'over-provisioning', type: '%' },
          { name: 'moved', type: '%' },
          { name: 'of those that stay', type: '%' },
        ],
        rows,
      },
    ],
  };
}

const round = (value: number): number => Number(value.toPrecision(9));
