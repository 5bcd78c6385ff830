import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BEHAVIOURS, CIRCUMSTANCES, columnTitle } from './behaviours.js';
import { commitOf } from './commit.js';
import { composeMatrix, formatCount, formatMatrix, formatRun, type Matrix, type Outcome, type Run } from './matrix.js';
import { generatedIn, PAGE, PUBLISHED, README, replaceGenerated } from './places.js';

const read = (path: string): string => readFileSync(path, 'utf8');

const RUN: Run = { date: '2026-11-28', commit: '0123456789ab', machine: 'here' };

const ran = (passed: boolean, test = 'a test'): Outcome => ({ proof: { behaviour: 'nat', family: 6, queues: 4 }, test, passed });

const cell = (matrix: Matrix, behaviour: string, column: string) =>
  matrix.rows.find((row) => row.behaviour === behaviour)!.cells.find((one) => one.column === column)!;

describe('a matrix', () => {
  test('shows passed only if at least one test ran and all passed', () => {
    expect(cell(composeMatrix([], RUN), 'nat', 'IPv6, four queues')).toEqual({
      column: 'IPv6, four queues',
      result: 'not run',
      tests: [],
    });
    expect(cell(composeMatrix([ran(true)], RUN), 'nat', 'IPv6, four queues').result).toBe('passed');
    expect(cell(composeMatrix([ran(true)], RUN), 'nat', 'IPv6, one queue').result).toBe('not run');
    expect(cell(composeMatrix([ran(true)], RUN), 'nat', 'IPv6, fast path').result).toBe('not run');
    expect(cell(composeMatrix([ran(true)], RUN), 'dsr', 'IPv6, four queues').result).toBe('not run');
    expect(cell(composeMatrix([ran(true, 'a'), ran(false, 'b')], RUN), 'nat', 'IPv6, four queues')).toMatchObject({
      result: 'failed',
      tests: ['a', 'b'],
    });
  });

  test('as a table has one line per behaviour', () => {
    const lines = formatMatrix(composeMatrix([ran(true)], RUN))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(2 + Object.keys(BEHAVIOURS).length);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines[2]).toMatch(/^\| NAT: .* \| not run +\| not run +\| not run +\| not run +\| passed +\| not run +\|$/);
  });

  test('as a page says when, at which commit and where it ran, and how many cells passed', () => {
    const matrix = composeMatrix([ran(true)], RUN);
    expect(formatCount(matrix)).toBe('1 of 90');
    expect(formatRun(matrix)).toMatch(/^\n\nThe run of 2026-11-28 at commit 0123456789ab, on here: 1 of 90 passed\.\n\n\|/);
    expect(formatRun(matrix)).toContain(formatMatrix(matrix));
  });

  test('replaces the previous one in a page', () => {
    const page = 'a\n<!-- behaviours: made by pnpm matrix -->| old |<!-- end of behaviours -->\nb\n';
    expect(generatedIn(page)).toBe('| old |');
    expect(replaceGenerated(page, '| new $1 |', 'README.md')).toBe(page.replace('old', 'new $1'));
    expect(() => replaceGenerated('a', 'b', 'README.md')).toThrow('README.md: missing marks');
  });
});

describe('the commit of a run', () => {
  test('says whether files differ from it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-test-commit-'));
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { cwd: folder, encoding: 'utf8' });
    try {
      expect(commitOf(folder)).toBe('unknown');
      git('init', '--quiet');
      git('commit', '--quiet', '--allow-empty', '--message=first');
      const commit = git('rev-parse', 'HEAD').slice(0, 12);
      expect(commitOf(folder)).toBe(commit);
      writeFileSync(join(folder, 'new'), '');
      expect(commitOf(folder)).toBe(`${commit} with uncommitted changes`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the published matrix', () => {
  const matrix = JSON.parse(read(PUBLISHED)) as Matrix;

  test('has the rows and columns that tests can prove; otherwise run pnpm matrix', () => {
    expect(matrix.rows.map(({ behaviour, title }) => [behaviour, title])).toEqual(Object.entries(BEHAVIOURS));
    for (const { cells } of matrix.rows) expect(cells.map(({ column }) => column)).toEqual(CIRCUMSTANCES.map(columnTitle));
  });

  test('is the same in docs/behaviours.json and docs/behaviours.md, and the README has its count', () => {
    expect(generatedIn(read(PAGE))).toBe(formatRun(matrix));
    expect(generatedIn(read(README))).toBe(formatCount(matrix));
  });
});
