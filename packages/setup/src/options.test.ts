import { Command, run } from '@nfqlb/options';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeSetUp, requestedSetUp, type SetUpOptions } from './options.js';
import type { GivenTarget, SetUp } from './set-up.js';

let stderr = '';

beforeEach(() => {
  stderr = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

/** The set-up that a command line requests. */
async function requested(...argv: string[]): Promise<SetUp | undefined> {
  let setUp: SetUp | undefined;
  const command = describeSetUp(new Command('up'), { required: true }).action((targets: GivenTarget[], options: SetUpOptions) => {
    setUp = requestedSetUp(targets, options);
  });
  await run(command as Command, argv);
  return setUp;
}

test('defaults', async () => {
  expect(await requested('--vip=10.0.0.1/32', '192.168.1.1')).toEqual({
    vips: { 4: ['10.0.0.1/32'], 6: [] },
    targets: [{ fwmark: 1, addresses: { 4: '192.168.1.1' } }],
    mode: 'nat',
    queue: { first: 2, last: 2 },
    traffic: 'forward',
    keepSource: false,
    synOnly: false,
    fast: false,
  });
});

test('VIPs in one option or several, options in the style of C nfqlb', async () => {
  const setUp = await requested('-vip', '10.0.0.1/32,10.0.0.2/32', '--vip=10.0.0.3/32', '--queue=0:3', '--loc', '192.168.1.1');
  expect(setUp).toMatchObject({
    vips: { 4: ['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32'] },
    queue: { first: 0, last: 3 },
    traffic: 'local',
  });
});

test.each(['1', '4', '0'])('the fragment queue is outside the range of --queue: %s', async (queue) => {
  const setUp = await requested('--vip=10.0.0.1/32', '--queue=2:3', `--fragment-queue=${queue}`, '192.168.1.1');
  expect(setUp).toMatchObject({ queue: { first: 2, last: 3 }, fragmentQueue: Number(queue) });
});

test.each([
  [['--vip=10.0.0.1/32', '--fragment_queue=2', '192.168.1.1'], 'up: --fragment_queue=2: must not be in --queue=2'],
  [['--vip=10.0.0.1/32', '--queue=0:3', '--fragment_queue=3', '192.168.1.1'], 'up: --fragment_queue=3: must not be in --queue=0:3'],
  [['--vip=10.0.0.1/32', '--fragment_queue=3:4', '192.168.1.1'], 'up: --fragment_queue=3:4: must be a whole number from 0 to 65535'],
  [['--vip=1000::1/128', '1=fe80::5'], 'up: targets 1=fe80::5: must not be link-local (fe80::/10)'],
  [['--vip=10.0.0.1', '192.168.1.1'], 'up: --vip=10.0.0.1: must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128'],
  [
    ['--vip=10.0.0.1/24', '192.168.1.1'],
    'up: --vip=10.0.0.1/24: has bits behind the prefix; must be 10.0.0.0/24, or 10.0.0.1/32 for the one address',
  ],
  [['--vip=10.0.0.1/32,', '192.168.1.1'], 'up: --vip=10.0.0.1/32,: must be a list with commas between its items, none of them empty'],
  [['192.168.1.1'], 'up: missing option --vip'],
  [['--vip=10.0.0.1/32'], 'up: missing argument targets'],
  [['--vip=10.0.0.1/32', '--mode=snat', '192.168.1.1'], 'up: --mode=snat: must be one of nat, dsr'],
  [['--vip=10.0.0.1/32', '--queue=3:1', '192.168.1.1'], 'up: --queue=3:1: must be a queue from 0 to 65535 or several, FIRST:LAST'],
  [['--vip=10.0.0.1/32', '--local', '--forward', '192.168.1.1'], 'up: --local: cannot be given together with --forward'],
  [['--vip=10.0.0.1/32', '--mode=dsr', '--keep-source', '192.168.1.1'], 'up: --keep-source: is for --mode=nat with --forward'],
  [
    ['--vip=10.0.0.1/32', '--mode=dsr', '--syn-only', '192.168.1.1'],
    'up: --syn-only: needs --mode=nat; with dsr answers bypass this machine',
  ],
  [['--vip=10.0.0.1/32', '--local', '--keep-source', '192.168.1.1'], 'up: --keep-source: is for --mode=nat with --forward'],
])('%j is refused with a one-line message', async (argv, error) => {
  expect(await requested(...argv)).toBeUndefined();
  expect(stderr.startsWith(error), stderr).toBe(true);
  expect(stderr.match(/\n/g)).toHaveLength(1);
  expect(process.exitCode).toBe(1);
});
