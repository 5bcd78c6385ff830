import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

let folder: string;
let sim: (args: readonly string[]) => Outcome;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-fragtable-'));
  sim = bundledProgram(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const fragtable = (...args: string[]): Outcome => sim(['fragtable', ...args]);

const OVERLOAD = ['--rate=2500', '--ft_size=499', '--ft_buckets=100', '--duration=5'];

test('one line per run, with the fields of conntrack-test', () => {
  const { stdout, status } = fragtable(...OVERLOAD, '--json');
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^\{"run":1,"seed":1,"ttlMillis":200,"size":499,"active":\d+,"collisions":\d+,"inserts":\d+,"rejected":\d+,"lookups":\d+,"objGC":\d+,"bucketsMax":100,"bucketsPeak":100,"bucketsStale":\d+,"percentLoss":(?:29|30|31)\.\d\}\n$/,
  );
});

test('the output is the same every time, with any --parallel, and in a file', () => {
  const { stdout } = fragtable(...OVERLOAD, '--repeat=5', '--json');
  expect(stdout.trimEnd().split('\n')).toHaveLength(5);
  for (const parallel of ['1', '2', '3', '7'])
    expect(fragtable(...OVERLOAD, '--repeat=5', '--json', `--parallel=${parallel}`).stdout).toBe(stdout);
  const { run: _, ...third } = JSON.parse(stdout.split('\n')[2]!) as { run: number; seed: number };
  expect(JSON.parse(fragtable(...OVERLOAD, '--json', `--seed=${third.seed}`).stdout)).toEqual({ run: 1, ...third });
  const file = join(folder, 'runs.jsonl');
  const table = fragtable(...OVERLOAD, '--repeat=5', `--json=${file}`).stdout;
  expect(readFileSync(file, 'utf8')).toBe(stdout);
  expect(table).toMatchSnapshot();
});

test('--solve finds the smallest prime size that sustains the rate in all runs', () => {
  const load = ['--rate=1000', '--duration=5', '--ids=random', '--json'];
  const solve = (runs: number, ...more: string[]): string => fragtable(...load, '--solve', '--loss=1%', `--repeat=${runs}`, ...more).stdout;
  const losses = (buckets: number): number[] =>
    fragtable(...load, `--ft_size=${buckets}`, `--ft_buckets=${buckets}`, '--repeat=3')
      .stdout.trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { rejected: number; inserts: number })
      .map(({ rejected, inserts }) => (100 * rejected) / inserts);

  const solution = JSON.parse(solve(3)) as { size: number; percentLoss: number };
  expect(solution).toMatchObject({ rate: 1000, duration: 5, ttlMillis: 200, loss: 1, size: 137, buckets: 137 });
  expect(solution.percentLoss).toBe(Math.max(...losses(137)));
  expect(solution.percentLoss).toBeLessThanOrEqual(1);
  expect(Math.max(...losses(131))).toBeGreaterThan(1);
  expect(solve(3, '--parallel=2')).toBe(solve(3));
});

describe('bad input: one line, exit status 1', () => {
  test.each([
    [['--rate=0'], '--rate=0: must be a whole number from 1 to 10000000'],
    [['--duration=1.5'], '--duration=1.5: must be a whole number'],
    [['--ft_size=0'], '--ft_size=0: must be a whole number from 1 to 4194304'],
    [['--repeat=0'], '--repeat=0: must be a whole number from 1'],
    [['--solve', '--loss=x'], '--loss=x: must be a percentage such as 0.1%, from 0 to 100'],
    [['--solve', '--loss=101%'], '--loss=101%: must be a percentage'],
    [['--loss=1%'], '--loss: needs --solve'],
    [['--solve', '--ft_size=499'], '--ft_size: cannot be used with --solve, which finds it'],
    [['capture.pcap'], 'capture.pcap: an argument too many'],
  ])('%s', (args, message) => {
    const { status, stdout, stderr } = fragtable(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  });
});
