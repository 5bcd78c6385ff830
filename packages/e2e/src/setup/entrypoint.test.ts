// docker/nfqlb/entrypoint.sh: however it ends, it leaves no queue rule without a listener. With --network=host such a rule would drop the
// VIPs' packets on the host.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';

const ENTRYPOINT = fileURLToPath(new URL('../../../../docker/nfqlb/entrypoint.sh', import.meta.url));

/** Records its command; then fails, or waits for permission to continue, if the test wants that. */
const STUB = `#!/bin/sh
echo "$1" >>"$STUB/commands"
[ "$1" != "\${HOLD-}" ] || while [ ! -e "$STUB/go" ]; do sleep 0.01; done
[ "$1" != "\${FAIL-}" ] || exit 3
case $1 in
  up) echo 'fwmark 101 leads to 172.30.0.11' ;;
  lb) trap 'exit 0' TERM; while :; do sleep 0.01; done ;;
esac
`;

let folder: string;
/** The leader of its own process group, so that its children also end when a test fails. */
let running: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-entrypoint-'));
});
afterEach(() => {
  endGroup(running);
  running = undefined;
  rmSync(folder, { recursive: true });
});

function install(program: string): void {
  writeFileSync(join(folder, 'nfqlb'), program);
  chmodSync(join(folder, 'nfqlb'), 0o755);
}

function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return {
    PATH: `${folder}:${process.env.PATH}`,
    STUB: folder,
    NFQLB_VIPS: '10.0.0.1/32',
    NFQLB_TARGETS: '172.30.0.11',
    ...more,
  };
}

/** Kills the rest of the process group, even if its leader has already ended. */
function endGroup(leader: ChildProcess | undefined): void {
  if (leader?.pid === undefined) return;
  try {
    process.kill(-leader.pid, 'SIGKILL');
  } catch (error) {
    // No process is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const start = (more: Record<string, string> = {}): ChildProcess =>
  spawn('sh', [ENTRYPOINT], { env: environment(more), stdio: 'ignore', detached: true });

const commands = (): string[] => {
  const file = join(folder, 'commands');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('with a stub of nfqlb', () => {
  const STEPS = ['up', 'init', 'activate', 'lb'];

  test.each(STEPS.map((step, i) => [step, STEPS.slice(0, i + 1)] as const))(
    'a failure of %s: down, and the same status',
    async (step, done) => {
      install(STUB);
      running = start({ FAIL: step });
      const [status] = await once(running, 'exit');
      expect([status, commands()]).toEqual([3, [...done, 'down']]);
    },
  );

  test.each(STEPS.slice(0, 3).map((step, i) => [step, STEPS.slice(0, i + 1)] as const))(
    'a signal during %s: only down follows',
    async (step, done) => {
      install(STUB);
      running = start({ HOLD: step });
      await until(() => commands().includes(step));
      running.kill('SIGTERM');
      writeFileSync(join(folder, 'go'), '');
      const [status] = await once(running, 'exit');
      expect([status, commands()]).toEqual([143, [...done, 'down']]);
    },
  );

  test('a signal while balancing: the load balancer is stopped, then down', async () => {
    install(STUB);
    running = start();
    await until(() => commands().includes('lb'));
    running.kill('SIGTERM');
    const [status] = await once(running, 'exit');
    expect([status, commands()]).toEqual([0, [...STEPS, 'down']]);
  });
});

test('a file: nfqlb run is all that is started, and told to leave nothing behind', () => {
  install('#!/bin/sh\necho "$*"\n');
  const said = (more: Record<string, string>): string => execFileSync('sh', [ENTRYPOINT], { env: environment(more), encoding: 'utf8' });
  expect(said({ NFQLB_CONFIG: '/run/site.yaml', NFQLB_RUN_OPTIONS: '--queue=0:3 --sysctl' })).toBe(
    'run --config=/run/site.yaml --on-exit=remove --queue=0:3 --sysctl\n',
  );
});

describeLive(
  'with nfqlb in a network namespace',
  () => {
    test.each([
      ['init', { NFQLB_INIT_OPTIONS: '--M=none' }],
      ['lb', { NFQLB_LB_OPTIONS: '--mtu=none' }],
    ])('no rule is left after a failure of %s', (_step, more) => {
      install(`#!/bin/sh\nexec ${NFQLB.command.join(' ')} "$@"\n`);
      const script = [
        'mount -t tmpfs none /dev/shm && ip link set lo up && ip link add name eth0 type dummy && ip addr add 172.30.0.1/24 dev eth0 && ip link set eth0 up',
        'sysctl -qw net.ipv4.ip_forward=1',
        `sh ${ENTRYPOINT} >/dev/null 2>&1 && exit 1`,
        'iptables -t mangle -S; iptables -t nat -S; ip rule',
      ].join('\n');
      const left = execFileSync('unshare', ['--net', '--mount', 'sh', '-c', script], { env: environment(more), encoding: 'utf8' });
      expect(left).toContain('-P PREROUTING ACCEPT');
      expect(left).not.toMatch(/NFQUEUE|NFQLB|DNAT|fwmark/);
    });
  },
  NFQLB,
);
