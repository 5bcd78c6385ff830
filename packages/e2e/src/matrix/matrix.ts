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

/** The results and the machine they ran on; stored as JSON. */
export interface Matrix {
  /** Such as `Linux 6.18.44, Node 20.20.0`. */
  readonly machine: string;
  readonly rows: readonly Row[];
}

/** Builds all rows and columns, whether a test ran or not. */
export function composeMatrix(outcomes: readonly Outcome[], machine: string): Matrix {
  const rows = (Object.keys(BEHAVIOURS) as Behaviour[]).map((behaviour) => ({
    behaviour,
    title: BEHAVIOURS[behaviour],
    cells: CIRCUMSTANCES.map(({ family, queues }): Cell => {
      const own = outcomes.filter(({ proof }) => proof.behaviour === behaviour && proof.family === family && proof.queues === queues);
      return {
        column: columnTitle({ family, queues }),
        result: own.length === 0 ? 'not run' : own.every(({ passed }) => passed) ? 'passed' : 'failed',
        tests: own.map(({ test }) => test),
      };
    }),
  }));
  return { machine, rows };
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
