import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangingTargetsResult } from '../drain/changing-targets.js';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

let folder: string;
let sim: (args: readonly string[]) => Outcome;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-drain-'));
  sim = bundledProgram(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const drain = (...args: string[]): Outcome => sim(['drain', ...args]);

/** Without a drain, and with one. */
function results(...args: string[]): [ChangingTargetsResult, ChangingTargetsResult] {
  const { stdout, stderr } = drain(...args, '--json');
  expect(stderr).toBe('');
  const [without, with_] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ChangingTargetsResult);
  return [without!, with_!];
}

describe('no connection breaks with a drain, and many without', () => {
  test.each([
    ['scaling up and down', [], 1500],
    ['replacing ten targets one by one', ['--pattern=replace', '--targets=10', '--changes=10'], 1500],
    ['10,000 random changes', ['--pattern=random', '--changes=10000', '--connections=200', '--short=10'], 200],
    ['with few buckets', ['--M=97'], 1500],
  ])('%s', { timeout: 60_000 }, (_name, args, least) => {
    const [without, with_] = results(...args);
    expect(without.broken).toBeGreaterThan(least);
    expect(with_.broken).toBe(0);
    expect(with_.refused).toBe(0);
    expect(with_.connections).toBe(without.connections);
  });
});

test('a SYN flood that fills the memory for connections breaks none that talk before the deadline', { timeout: 60_000 }, () => {
  const flood = ['--flood=20000', '--drain-connections=1000', '--changes=1', '--duration=50'];
  // Those that could not be remembered go to their former target until the deadline.
  const [, spared] = results(...flood, '--drain=120');
  expect(spared).toMatchObject({ broken: 0, byCause: {} });
  expect(spared.refused).toBeGreaterThan(100_000);
  const [, flooded] = results(...flood, '--drain=30');
  expect(flooded.byCause).toEqual({ 'no room to remember it': flooded.broken });
  expect(flooded.broken).toBeGreaterThan(100);
});

test('each cause is told apart', () => {
  // The pause is longer than the drain, but not always longer than the idle time.
  const silent = results('--pause=20000', '--drain=2', '--drain-idle=10', '--short=0', '--duration=120')[1];
  expect(silent.byCause['silent until the deadline']).toBeGreaterThan(0);
  expect(silent.byCause['silent for longer than --drain-idle']).toBeGreaterThan(0);
  const [tier] = results('--lbs=2', '--lose=40', '--pattern=random', '--changes=20', '--drain=0');
  expect(Object.keys(tier.byCause).sort()).toEqual([
    'another load balancer of the tier got it',
    'its target left without a drain',
    'targets changed without a drain',
  ]);
});

test('a load balancer that gets the connections of a lost one does not know those that began after the change', () => {
  const [, { broken, byCause }] = results('--lbs=2', '--lose=40', '--pattern=random', '--changes=20');
  expect(broken).toBeGreaterThan(0);
  expect(byCause).toEqual({ 'another load balancer of the tier got it': broken });
});

test('the same seed gives the same result, as a table, too', () => {
  const options = ['--connections=100', '--duration=40', '--short=20'];
  expect(drain(...options).stdout).toBe(drain(...options).stdout);
  expect(drain(...options, '--seed=2').stdout).not.toBe(drain(...options).stdout);
  expect(drain(...options).stdout).toMatchSnapshot();
});

test('bad input: one line, exit status 1', () => {
  for (const [args, message] of [
    [['--targets=5', '--most=4'], '--most=4: must be at least --targets=5'],
    [['--drain=86401'], '--drain=86401: must be a whole number from 0 to 86400'],
    [['--pattern=x'], '--pattern=x: must be one of scale, replace, random'],
  ] as const) {
    const { status, stdout, stderr } = drain(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  }
});
