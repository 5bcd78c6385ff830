import type { Family } from './figures.js';
import { type Quantity, quantities, valuesOf } from './quantity.js';
import type { ScenarioResult } from './run-scenario.js';
import { scenario } from './scenarios.js';
import { type Spread, spreadOfRuns } from './statistics.js';

/** A scenario over one IP version, of one or several runs: a row for each contender, a column for each quantity. */
export interface Summary {
  readonly scenario: string;
  readonly family: Family;
  readonly quantities: readonly Quantity[];
  readonly rows: readonly SummaryRow[];
}

export interface SummaryRow {
  readonly contender: string;
  /** Of all runs together. */
  readonly rounds: number;
  /** As the quantities; absent where there is no value. */
  readonly spreads: readonly (Spread | undefined)[];
}

/** @param results at least one, all of the same scenario and family */
export function summarize(results: readonly ScenarioResult[], bursts: readonly number[]): Summary {
  const [{ scenario: name, family }] = results as [ScenarioResult];
  const contenders = [...new Set(results.flatMap((result) => Object.keys(result.contenders)))];
  const all = quantities(scenario(name), bursts);
  const rows = contenders.map((contender) => ({
    contender,
    rounds: results.reduce((sum, result) => sum + (result.contenders[contender]?.length ?? 0), 0),
    spreads: all.map((quantity) => spreadOfRuns(results.map((result) => valuesOf(quantity, result, contender)))),
  }));
  // A column without a value in any row says nothing.
  const shown = all.map((_, column) => rows.some(({ spreads }) => spreads[column] !== undefined));
  return {
    scenario: name,
    family,
    quantities: all.filter((_, column) => shown[column]),
    rows: rows.map((row) => ({ ...row, spreads: row.spreads.filter((_, column) => shown[column]) })),
  };
}

/** `221 (203–226)`, `–` if there is none. */
export function formatSpread({ digits, ranged = false }: Quantity, spread: Spread | undefined): string {
  if (!spread) return '–';
  const format = (value: number): string => {
    const text = value.toFixed(digits);
    // Not −0.0.
    return Number(text) === 0 ? (0).toFixed(digits) : text.replace('-', '−');
  };
  const { median, least, most } = spread;
  return ranged && format(least) !== format(most) ? `${format(median)} (${format(least)}–${format(most)})` : format(median);
}

/** Heading and cells as texts, for whatever draws a table. */
export function cellsOf({ quantities, rows }: Summary): string[][] {
  return [
    ['', ...quantities.map(({ title }) => title)],
    ...rows.map(({ contender, spreads }) => [contender, ...spreads.map((spread, column) => formatSpread(quantities[column]!, spread))]),
  ];
}

/** With aligned columns. */
export function textTable(cells: readonly (readonly string[])[]): string {
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) => row.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join('  '))
    .join('\n');
}
