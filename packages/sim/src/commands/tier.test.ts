import { expect, test } from 'vitest';
import type { Outcome } from '../testing/bundled-program.js';
import { writtenBy } from '../testing/written-by.js';

const CAPTURE = new URL('../../captures/web-and-dns.pcap', import.meta.url).pathname;

const tier = (...args: string[]): Promise<Outcome> => writtenBy('tier', CAPTURE, ...args);

test('the result as a table, the same each time; an event after the last packet is reported', async () => {
  const args = ['--fail=2@0.5', '--add=2@1', '--fail=3@1000'];
  const { stdout, stderr } = await tier(...args);
  expect(stdout).toMatch(/1,557 packets to 4 load balancers, each packet to a random one\n\n +seen +broken\n +connections +260 +0\n/);
  expect(stdout).toMatch(/ 1 +\d+ +0\n +2 +\d+ +0\n +3 +\d+ +0\n +4 +\d+ +0\n +2, back +\d+ +0\n$/);
  expect(stderr).toBe('nfqlb-sim tier: warning: --fail=3@1000: not applied, because the capture ends before\n');
  expect((await tier(...args)).stdout).toBe(stdout);
  expect((await tier(...args, '--seed=2')).stdout).not.toBe(stdout);
});

test('bad input: one line', async () => {
  for (const [args, message] of [
    [['--fail=5@1'], '--fail=5@1: load balancer 5 is not there at that time'],
    [['--add=4@1'], '--add=4@1: load balancer 4 is already there at that time'],
    [['--lbs=1', '--fail=1@1'], '--fail=1@1: no load balancer would be left'],
    [['--fail=2'], '--fail=2: must be LB@SECONDS, such as 2@1.5'],
    [['--fail=65@1'], '--fail=65@1: must be LB@SECONDS'],
    [['--at=1:deactivate --shm=x 1'], 'there is no table x'],
  ] as const) {
    const { stdout, stderr, status } = await tier(...args);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  }
});
