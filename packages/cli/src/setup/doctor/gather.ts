import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { readKernelQueues } from '../../daemon/kernel-queues.js';
import { readCapabilities } from '../capabilities.js';
import { PROTOCOL } from '../ownership.js';
import { iptables } from '../present.js';
import type { Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { readSysctls } from '../sysctls.js';
import type { DeviceOffloads, Facts, FwmarkRule, KernelPart } from './facts.js';
import { readTables } from './gather-tables.js';
import { readable } from './readable.js';

/** Looks at this machine, in this network namespace. What cannot be found out is left out; nothing is changed. */
export function gatherFacts(): Facts {
  const kernelOptions = readKernelOptions();
  return {
    kernelRelease: release(),
    kernelOptions,
    trials: kernelOptions ? new Map() : tryKernel(),
    capabilities: readCapabilities(),
    iptablesVersion: firstLine('iptables', '--version'),
    ipVersion: firstLine('ip', '-V'),
    sysctls: readSysctls(),
    offloads: firstLine('ethtool', '--version') === undefined ? undefined : readOffloads(),
    savedRules: { 4: tryProgram(`${iptables(4)}-save`), 6: tryProgram(`${iptables(6)}-save`) },
    nftRules: tryProgram('nft', 'list', 'ruleset'),
    trackedConnections: readNumber('/proc/sys/net/netfilter/nf_conntrack_count'),
    queues: readable(readKernelQueues),
    policyRules: { 4: readFwmarkRules(4), 6: readFwmarkRules(6) },
    tables: readTables(),
  };
}

function readKernelOptions(): ReadonlySet<string> | undefined {
  const config =
    readable(() => gunzipSync(readFileSync('/proc/config.gz')).toString('latin1')) ??
    readable(() => readFileSync(`/boot/config-${release()}`, 'latin1'));
  return config === undefined ? undefined : parseKernelOptions(config);
}

/** @param config the file that a kernel is built from: `CONFIG_TUN=y`, `# CONFIG_IPX is not set` */
export function parseKernelOptions(config: string): ReadonlySet<string> {
  return new Set([...config.matchAll(/^CONFIG_(\w+)=[ym]$/gm)].map((match) => match[1]!));
}

/** Rules that use a part, in a network namespace that goes away at once. Says nothing where such cannot be made. */
function tryKernel(): ReadonlyMap<KernelPart, boolean> {
  const trials = new Map<KernelPart, boolean>([['tun', existsSync('/dev/net/tun')]]);
  if (tryProgram('unshare', '--net', 'true') === undefined) return trials;
  const works = (...command: string[]): boolean => tryProgram('unshare', '--net', ...command) !== undefined;
  const rule = (table: string, text: string): boolean => works('iptables', '--wait', '-t', table, '-A', ...text.split(' '));
  if (firstLine('iptables', '--version') !== undefined) {
    trials.set('queue', rule('mangle', 'PREROUTING -m mark --mark 1 -j NFQUEUE --queue-num 2'));
    trials.set('nat', rule('nat', 'PREROUTING -j DNAT --to-destination 127.0.0.1') && rule('nat', 'POSTROUTING -j MASQUERADE'));
  }
  if (firstLine('ip', '-V') !== undefined) {
    trials.set(
      'routing',
      ['-4', '-6'].every((family) => works('ip', family, 'rule', 'add', 'fwmark', '1', 'table', '1')),
    );
  }
  return trials;
}

function readOffloads(): DeviceOffloads[] {
  // Not /sys/class/net, which shows the devices of the namespace in which it was mounted.
  const devices = [...readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*([^\s:]+):/gm)].map((match) => match[1]!);
  return devices
    .filter((device) => device !== 'lo')
    .map((device) => {
      const features = tryProgram('ethtool', '--show-features', device) ?? '';
      return { device, gro: /^generic-receive-offload: on/m.test(features), lro: /^large-receive-offload: on/m.test(features) };
    });
}

/** As `ip -N -json` writes rules and routes, as far as it is used. */
interface RuleJson {
  readonly fwmark?: string;
  readonly table?: string;
  readonly protocol?: string;
}

interface RouteJson {
  readonly table?: string;
  /** Absent for a route that leads somewhere. */
  readonly type?: string;
}

function readFwmarkRules(family: Family): FwmarkRule[] {
  const show = <T>(...words: string[]): T[] =>
    readable(() => JSON.parse(runProgram(['ip', `-${family}`, '-N', '-json', ...words]) || '[]')) ?? [];
  const leading = new Set(
    show<RouteJson>('route', 'show', 'table', 'all').flatMap(({ table, type }) => (type === undefined ? [Number(table)] : [])),
  );
  return show<RuleJson>('rule', 'show').flatMap(({ fwmark, table, protocol }) =>
    fwmark === undefined
      ? []
      : [{ fwmark: Number(fwmark), table: Number(table), own: protocol === String(PROTOCOL), leads: leading.has(Number(table)) }],
  );
}

function firstLine(program: string, option: string): string | undefined {
  return tryProgram(program, option)?.split('\n')[0];
}

/** What a program writes, if it is there and does what it is asked. */
function tryProgram(program: string, ...args: string[]): string | undefined {
  try {
    return runProgram([program, ...args]);
  } catch (error) {
    if (error instanceof SetupError) return undefined;
    throw error;
  }
}

function readNumber(path: string): number | undefined {
  return readable(() => Number(readFileSync(path, 'utf8')));
}
