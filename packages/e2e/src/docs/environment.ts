// Where the commands of a page run: a bash with network, process and mount namespaces of its own, so that names such as `nfqlb` in /dev/shm and
// namespaces of `ip netns` are the page's own, and nothing is left when it ends.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Running } from '../processes/running.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SITE = fileURLToPath(new URL('../../docs/site.sh', import.meta.url));

/** Built programs in place of the installed ones; `pnpm nfqlb` and `pnpm sim` without building first. */
const PROGRAMS: Readonly<Record<string, string>> = {
  nfqlb: `exec ${process.execPath} ${ROOT}packages/cli/dist/nfqlb.js "$@"`,
  ipu: `exec ${process.execPath} ${ROOT}packages/cli/dist/ipu.js "$@"`,
  'nfqlb-sim': `exec ${process.execPath} ${ROOT}packages/sim/dist/sim.js "$@"`,
  pnpm: `while [ "$1" = --silent ]; do shift; done
command=$1; shift
case $command in
  nfqlb) exec nfqlb "$@" ;;
  sim) exec nfqlb-sim "$@" ;;
  *) echo "pnpm $command: not available to the pages' test" >&2; exit 1 ;;
esac`,
  site: `exec bash ${SITE} "$@"`,
  // Waits until somebody listens to the queues, or until a condition holds.
  listens: `for queue; do until grep -q "^ *$queue " /proc/net/netfilter/nfnetlink_queue; do sleep 0.05; done; done`,
  'until-ok': `until "$@" >/dev/null 2>&1; do sleep 0.1; done`,
  // The process is in the background, so its number is not known to the page.
  'stop-lb': `pkill -TERM -f 'nfqlb.js (lb|flowlb)'; while pgrep -f 'nfqlb.js (lb|flowlb)' >/dev/null; do sleep 0.05; done`,
};

/** Between the outputs of two commands. */
const MARK = '\u0001';

export interface ToRun {
  readonly text: string;
  readonly background: boolean;
}

export interface Ran {
  readonly status: number;
  /** stdout and stderr. */
  readonly output: string;
}

/**
 * Runs commands one after the other in one bash, each whatever became of the one before.
 *
 * @returns fewer than were given if time was up, or if a command ended the shell
 */
export async function runAll(
  commands: readonly ToRun[],
  files: ReadonlyMap<number, readonly [name: string, text: string]>,
): Promise<Ran[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nfqlb-docs-'));
  try {
    const programs = join(folder, '.programs');
    mkdirSync(programs);
    for (const [name, text] of Object.entries(PROGRAMS)) {
      writeFileSync(join(programs, name), `#!/bin/bash\n${text}\n`);
      chmodSync(join(programs, name), 0o755);
    }
    // A page says `packages/sim/captures/…`, and also writes files.
    for (const name of readdirSync(ROOT).filter((name) => !name.startsWith('.'))) symlinkSync(join(ROOT, name), join(folder, name));
    const script = [
      'mount -t tmpfs -o mode=1777 tmpfs /dev/shm',
      'mount -t tmpfs tmpfs /run',
      'mount -t sysfs sysfs /sys',
      'ip link set lo up',
      `cd ${folder}`,
      `PATH=${programs}:$PATH`,
      ...commands.flatMap(({ text, background }, i) => {
        const file = files.get(i);
        const log = join(folder, `.background-${i}`);
        return [
          ...(file ? [`cat >${file[0]} <<'END-OF-FILE'\n${file[1]}\nEND-OF-FILE`] : []),
          `printf '${MARK}'`,
          ...(background ? inBackground(text, log) : [`{ ${text}\n} </dev/null 2>&1`]),
          `printf '${MARK}%d' $?`,
        ];
      }),
    ].join('\n');
    const scriptFile = join(folder, '.script');
    writeFileSync(scriptFile, script);
    const isolated = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    await using shell = await Running.start([...isolated, 'bash', scriptFile], { env: { LC_ALL: 'C.UTF-8' } });
    const timer = setTimeout(() => shell.signal('SIGKILL'), TIMEOUT_MS);
    await shell.exited;
    clearTimeout(timer);
    const ran = [...shell.stdout.matchAll(new RegExp(`${MARK}([^${MARK}]*)${MARK}(\\d+)`, 'g'))];
    return ran.map(([, output = '', status]) => ({ status: Number(status), output }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts it, and waits until a load balancer listens, as a reader would. Fails if it has ended. */
function inBackground(text: string, log: string): string[] {
  return [
    `{ ${text}\n} </dev/null >${log} 2>&1 &`,
    /\bnfqlb (?:lb|flowlb)\b/.test(text)
      ? `until grep -q 'listening on queue' ${log} || ! kill -0 $! 2>/dev/null; do sleep 0.05; done`
      : 'sleep 0.5',
    `kill -0 $! 2>&1 || { cat ${log}; false; }`,
  ];
}

/** For the commands of a page together. */
export const TIMEOUT_MS = 240_000;
