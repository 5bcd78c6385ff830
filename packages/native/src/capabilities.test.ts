import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capabilityNames, hasCapability, parsePrivileges } from './capabilities.js';
import { NOBODY } from './testing/as-user.js';
import { TestProgram } from './testing/program.js';

const STATUS = `Name:\tnode
CapInh:\t0000000000000001
CapPrm:\t0000000000003000
CapEff:\t000001fffeffffff
CapBnd:\t0000000000000080
CapAmb:\t0000000000001000
NoNewPrivs:\t1
`;

test('the capabilities of /proc/PID/status', () => {
  const privileges = parsePrivileges(STATUS);
  expect(privileges).toEqual({
    inheritable: 1n,
    permitted: 0x3000n,
    effective: 0x1fffeffffffn,
    bounding: 0x80n,
    ambient: 0x1000n,
    noNewPrivileges: true,
  });
  expect(parsePrivileges('Name:\tnode\n')).toMatchObject({ effective: 0n, noNewPrivileges: false });
  expect(capabilityNames(privileges.permitted)).toEqual(['CAP_NET_ADMIN', 'CAP_NET_RAW']);
  // As of Linux 6.18, the last one is 40.
  expect(capabilityNames((1n << 39n) | (1n << 40n) | (1n << 41n))).toEqual(['CAP_BPF', 'CAP_CHECKPOINT_RESTORE', 'CAP_41']);
  expect(hasCapability(privileges.permitted, 'CAP_NET_RAW')).toBe(true);
  expect(hasCapability(privileges.permitted, 'CAP_BPF')).toBe(false);
});

const isRoot = process.geteuid!() === 0;
if (!isRoot) console.warn('skipped: giving up capabilities: needs root');
if (!isRoot && process.env.CI) throw new Error('needs root');

describe.skipIf(!isRoot)('keepOnly', () => {
  let program: TestProgram;
  beforeAll(async () => {
    program = await TestProgram.make('drop-program');
  });
  afterAll(() => program.remove());

  /** Sets of all threads, each kind once, and what became of a child. */
  const run = (...as: string[]): { threads: number; before: string[]; after: string[]; child: string; answers: boolean } => {
    const [command, ...args] = [...as, process.execPath, program.file, 'CAP_NET_ADMIN', 'CAP_BPF'];
    return JSON.parse(execFileSync(command!, args, { encoding: 'utf8' }));
  };
  const KEPT = 'CAP_NET_ADMIN CAP_BPF';

  test('as root: all threads, the bounding set, and programs that are started later', () => {
    const { threads, before, after, child, answers } = run();
    // The main thread, V8's, the pool's, that of debuggers, which blocks all signals, and a worker of ours.
    expect(threads).toBeGreaterThan(9);
    expect(before).toHaveLength(1);
    expect(after).toEqual([`permitted ${KEPT}, effective ${KEPT}, ambient none, bounding ${KEPT}, no new privileges`]);
    expect(child).toBe(after[0]);
    // Threads that waited for something go on.
    expect(answers).toBe(true);
  });

  test('as an ordinary user, who has no CAP_SETPCAP: what is in the bounding set cannot be gained', () => {
    const list = '+net_admin,+net_raw';
    const { after, child } = run(
      ...['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', `--inh-caps=-all,${list}`, `--ambient-caps=-all,${list}`],
      ...['--bounding-set=-all,+net_admin,+net_raw,+sys_admin'],
    );
    const only = 'CAP_NET_ADMIN';
    const bounding = 'CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN';
    expect(after).toEqual([`permitted ${only}, effective ${only}, ambient ${only}, bounding ${bounding}, no new privileges`]);
    expect(child).toBe(after[0]);
  });
});
