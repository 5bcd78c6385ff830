import { BEHAVIOURS, type Behaviour, CIRCUMSTANCES, columnTitle, type Proof } from './behaviours.js';

/** A test that proves a cell, and its result. */
export interface Outcome {
  readonly proof: Proof;
  /** Its file and titles, as Vitest shows them. */
  readonly test: string;
  readonly passed: boolean;
}

/** `passed` if every test that ran passed. */
export type Result = 'passed' | 'failed' | 'not run';

export interface Cell {
  readonly column: string;
  readonly result: Result;
  /** The tests that ran. */
  readonly tests: readonly string[];
}

export interface Row {
  readonly behaviour: string;
  readonly title: string;
  readonly cells: readonly Cell[];
}

/** Where and when the tests ran. */
export interface Run {
  /** Such as `2026-11-28`, UTC. */
  readonly date: string;
  /** The tested sources, see `commitOf`. */
  readonly commit: string;
  /** Such as `Linux 6.18.44, Node 20.20.0`. */
  readonly machine: string;
}

/** The results; stored as JSON. */
export interface Matrix extends Run {
  readonly rows: readonly Row[];
}

/** Builds all rows and columns, whether a test ran or not. */
export function composeMatrix(outcomes: readonly Outcome[], run: Run): Matrix {
  const rows = (Object.keys(BEHAVIOURS) as Behaviour[]).map((behaviour) => ({
    behaviour,
    title: BEHAVIOURS[behaviour],
    cells: CIRCUMSTANCES.map(columnTitle).map((column): Cell => {
      const own = outcomes.filter(({ proof }) => proof.behaviour === behaviour && columnTitle(proof) === column);
      return {
        column,
        result: own.length === 0 ? 'not run' : own.every(({ passed }) => passed) ? 'passed' : 'failed',
        tests: own.map(({ test }) => test),
      };
    }),
  }));
  return { ...run, rows };
}

/** A Markdown table, padded like the formatter's. */
export function formatMatrix({ rows }: Matrix): string {
  const columns = rows[0]?.cells.map(({ column }) => column) ?? [];
  const lines = [['', ...columns], ...rows.map(({ title, cells }) => [title, ...cells.map(({ result }) => result)])];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const formatted = lines.map((line) => `| ${line.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return `${[formatted[0], rule, ...formatted.slice(1)].join('\n')}\n`;
}

/** How many cells passed, such as `60 of 60`. */
export function formatCount({ rows }: Matrix): string {
  const results = rows.flatMap(({ cells }) => cells.map(({ result }) => result));
  return `${results.filter((result) => result === 'passed').length} of ${results.length}`;
}

/** Date, commit, machine, count and table, as between the marks in docs/behaviours.md. */
export function formatRun(matrix: Matrix): string {
  const { date, commit, machine } = matrix;
  return `\n\nThe run of ${date} at commit ${commit}, on ${machine}: ${formatCount(matrix)} passed.\n\n${formatMatrix(matrix)}\n`;
}
