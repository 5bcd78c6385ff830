import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CAP_NET_ADMIN, CAP_SYS_ADMIN, hasCapability, readCapabilities } from '../capabilities.js';
import { SetupError } from '../setup-error.js';
import { environment, runProgram } from '../step.js';

/** Programs that the demo runs, and the Debian packages that have them. */
const PROGRAMS = { ip: 'iproute2', iptables: 'iptables', ip6tables: 'iptables' };

/**
 * Sees to it that the demo can make what it needs. On Debian, missing programs are installed, which is said before.
 *
 * @throws {@link SetupError} that says why it cannot
 */
export function meetRequirements(): void {
  if (process.platform !== 'linux') throw new SetupError('not-permitted', `network namespaces are Linux’s; this is ${process.platform}`);
  const capabilities = readCapabilities();
  if (![CAP_NET_ADMIN, CAP_SYS_ADMIN].every((capability) => hasCapability(capabilities, capability))) {
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
  const still = missingPackages();
  if (still.length > 0) throw new SetupError('missing-program', `${still.join(' and ')} cannot be used, though installed`);
}

function missingPackages(): string[] {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !isThere(program));
  return [...new Set(missing.map(([, debian]) => debian))];
}

function isThere(program: string): boolean {
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
