import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Outcome } from '../testing/bundled-program.js';
import { writtenBy } from '../testing/written-by.js';

const maglev = (...args: string[]): Promise<Outcome> => writtenBy('maglev', ...args);

test('a line for each method; the same seed gives the same text', async () => {
  const args = ['--M=997', '--targets=20', '--remove=2', '--loops=3', '--compare'];
  const { stdout } = await maglev(...args);
  const names = stdout.split('\n').flatMap((line) => /^ +(\w[\w, ]*?) {2,}/.exec(line)?.[1] ?? []);
  expect(names).toEqual(['method', 'ideal', 'maglev', 'ring, 100 points', 'ring, 1,000 points', 'rendezvous', 'modulo']);
  expect((await maglev(...args)).stdout).toBe(stdout);
  expect((await maglev(...args, '--seed=7')).stdout).not.toBe(stdout);
});

test('the ideal is there to compare with: of 997 buckets and 20 targets, 50 at most, and a tenth moves when two go', async () => {
  const args = ['--M=997', '--targets=20', '--remove=2', '--loops=1'];
  // 997 = 20·49 + 17: 17 targets have 50 buckets, three have 49; 50/(997/20) − 1 = 0.3%.
  expect((await maglev(...args)).stdout).toMatch(/^ +ideal +49 +50 +0\.7% +0\.3% +10\.00% +0\.00%$/m);
  const folder = mkdtempSync(join(tmpdir(), 'nfqlb-maglev-'));
  try {
    await maglev(...args, `--json=${folder}/tables.jsonl`);
    expect(JSON.parse(readFileSync(`${folder}/tables.jsonl`, 'utf8'))).toMatchObject({ method: 'maglev', idealMax: 50, idealChanged: 0.1 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('M is lowered to a prime; --time adds a column', async () => {
  expect((await maglev('--M=1000', '--targets=5', '--loops=1')).stdout).toMatch(/^997 buckets, 5 targets, of which 1 goes; 1 table\n/);
  expect((await maglev('--targets=5', '--loops=1', '--time')).stdout).toMatch(/ time\n.* -\n.* ms\n/);
});

test('bad input: one line', async () => {
  for (const [args, message] of [
    [['--M=100', '--targets=98'], '--targets=98: must be at most the 97 buckets of --M'],
    [['--targets=5', '--remove=5'], '--remove=5: must be less than --targets=5'],
    [['--M=2'], '--M=2: must be a whole number from 3 to 993997'],
  ] as const) {
    const { stdout, stderr, status } = await maglev(...args);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  }
});
