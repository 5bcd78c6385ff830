import type { ReportDocument } from './report-document.js';

/** The report of `sim fragtable`: a record of each run, as in `--json`. */
export function fragtableReport(records: readonly object[], subtitle: string, program: string): ReportDocument {
  const runs = records as readonly Readonly<Record<string, number>>[];
  const names = Object.keys(runs[0]!);
  return {
    title: 'Fragment table at a constant rate',
    subtitle,
    program,
    parts: [
      {
        kind: 'bars',
        title: 'Loss',
        note: 'Datagrams for which there was no entry, by run.',
        unit: '%',
        groups: runs.map(({ seed }, i) => (seed === undefined ? `${i + 1}` : `seed ${seed}`)),
        bars: [{ name: 'lost', values: runs.map(({ percentLoss }) => percentLoss!) }],
      },
      {
        kind: 'table',
        title: 'Runs',
        columns: names.map((name) => ({ name, type: name === 'percentLoss' ? '%' : 'number' }) as const),
        rows: runs.map((run) => names.map((name) => run[name]!)),
      },
    ],
  };
}
