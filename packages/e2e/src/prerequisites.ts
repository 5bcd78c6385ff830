import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TRAFFIC_PROGRAM } from './traffic/program.js';

/** Programs, and the Debian packages that contain them. */
const PROGRAMS = {
  ip: 'iproute2',
  iptables: 'iptables',
  ip6tables: 'iptables',
  ethtool: 'ethtool',
  nft: 'nftables',
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  taskset: 'util-linux',
};

/**
 * What the machine lacks for live tests, each with how to get it; empty if nothing is missing.
 *
 * @param more additional programs that some tests need, and their Debian packages
 */
export function missingPrerequisites(more: Readonly<Record<string, string>> = {}): string[] {
  const missing = Object.entries({ ...PROGRAMS, ...more })
    .filter(([program]) => !isInstalled(program))
    .map(([program, debian]) => `${program} (Debian package ${debian})`);
  if (!isExecutable(TRAFFIC_PROGRAM)) missing.push(`${TRAFFIC_PROGRAM} (built by pnpm build)`);
  if (missing.length === 0) {
    // Being root is not enough: in a container it may lack CAP_SYS_ADMIN.
    const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
    if (status !== 0) missing.push(`permission to create network namespaces: root with CAP_SYS_ADMIN (${stderr.trim()})`);
  }
  return missing;
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
