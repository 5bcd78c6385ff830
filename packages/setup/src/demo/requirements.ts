import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { hasCapability, readPrivileges } from '@nfqlb/native';
import { SetupError } from '../setup-error.js';
import { environment, runProgram } from '../step.js';

/** Programs that the demo runs, and the Debian packages that contain them. */
const PROGRAMS = { ip: 'iproute2', iptables: 'iptables', ip6tables: 'iptables' };

/**
 * Ensures that the demo can run here. On Debian, announces and installs missing programs.
 *
 * @throws {@link SetupError} when the demo cannot run
 */
export function meetRequirements(): void {
  if (process.platform !== 'linux') throw new SetupError('not-permitted', `network namespaces need Linux; this is ${process.platform}`);
  const { effective } = readPrivileges();
  if (!hasCapability(effective, 'CAP_NET_ADMIN') || !hasCapability(effective, 'CAP_SYS_ADMIN')) {
    throw new SetupError('not-permitted', 'network namespaces need root, with the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN');
  }
  const packages = missingPackages();
  if (packages.length === 0) return;
  const names = packages.join(' ');
  if (!existsSync('/etc/debian_version')) throw new SetupError('missing-program', `${packages.join(' and ')} must be installed`);
  process.stdout.write(
    `Installing ${packages.join(' and ')} from Debian, to make network namespaces and packet rules: apt-get install ${names}\n`,
  );
  apt('update');
  apt('install', '-y', '--no-install-recommends', ...packages);
  const stillMissing = missingPackages();
  if (stillMissing.length > 0)
    throw new SetupError('missing-program', `${stillMissing.join(' and ')} cannot be run even after installation`);
}

function missingPackages(): string[] {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !isInstalled(program));
  return [...new Set(missing.map(([, debian]) => debian))];
}

function isInstalled(program: string): boolean {
  try {
    runProgram([program, '-V']);
    return true;
  } catch (error) {
    if (error instanceof SetupError && error.code === 'missing-program') return false;
    throw error;
  }
}

function apt(...args: string[]): void {
  const { status, error, stderr } = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...environment(), DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim().split('\n').at(-1);
    throw new SetupError('missing-program', `apt-get ${args[0]} failed: ${reason}`);
  }
}
