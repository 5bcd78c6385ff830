import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BEHAVIOURS, CIRCUMSTANCES, columnTitle } from './behaviours.js';
import { composeMatrix, formatMatrix, type Matrix, type Outcome } from './matrix.js';
import { replaceTable, tableIn } from './places.js';

const read = (relative: string): string => readFileSync(fileURLToPath(new URL(relative, import.meta.url)), 'utf8');

const ran = (passed: boolean, test = 'a test'): Outcome => ({ proof: { behaviour: 'nat', family: 6, queues: 4 }, test, passed });

const cell = (matrix: Matrix, behaviour: string, column: string) =>
  matrix.rows.find((row) => row.behaviour === behaviour)!.cells.find((one) => one.column === column)!;

describe('a matrix', () => {
  test('shows passed only if at least one test ran and all passed', () => {
    expect(cell(composeMatrix([], 'here'), 'nat', 'IPv6, four queues')).toEqual({
      column: 'IPv6, four queues',
      result: 'not run',
      tests: [],
    });
    expect(cell(composeMatrix([ran(true)], 'here'), 'nat', 'IPv6, four queues').result).toBe('passed');
    expect(cell(composeMatrix([ran(true)], 'here'), 'nat', 'IPv6, one queue').result).toBe('not run');
    expect(cell(composeMatrix([ran(true)], 'here'), 'dsr', 'IPv6, four queues').result).toBe('not run');
    expect(cell(composeMatrix([ran(true, 'a'), ran(false, 'b')], 'here'), 'nat', 'IPv6, four queues')).toMatchObject({
      result: 'failed',
      tests: ['a', 'b'],
    });
  });

  test('as a table has one line per behaviour', () => {
    const lines = formatMatrix(composeMatrix([ran(true)], 'here'))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(2 + Object.keys(BEHAVIOURS).length);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[2]).toMatch(/^\| NAT: .* \| not run +\| not run +\| not run +\| passed +\|$/);
  });

  test('replaces the previous one in a README', () => {
    const readme = 'a\n<!-- behaviours: made by pnpm matrix -->\n\n| old |\n\n<!-- end of behaviours -->\nb\n';
    expect(tableIn(readme)).toBe('| old |\n');
    expect(replaceTable(readme, '| new $1 |\n')).toBe(readme.replace('old', 'new $1'));
    expect(() => replaceTable('a', 'b')).toThrow('README.md: missing marks');
  });
});

describe('the published matrix', () => {
  const matrix = JSON.parse(read('../../../../docs/behaviours.json')) as Matrix;

  test('has the rows and columns that tests can prove; otherwise run pnpm matrix', () => {
    expect(matrix.rows.map(({ behaviour, title }) => [behaviour, title])).toEqual(Object.entries(BEHAVIOURS));
    for (const { cells } of matrix.rows) expect(cells.map(({ column }) => column)).toEqual(CIRCUMSTANCES.map(columnTitle));
  });

  test('is the same in docs/behaviours.json and in the README', () => {
    expect(tableIn(read('../../../../README.md'))).toBe(formatMatrix(matrix));
  });
});
