import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { readKernelQueues } from '@nfqlb/native';
import { CAP_NET_ADMIN, hasCapability, readCapabilities } from '../capabilities.js';
import { PROTOCOL, routingTable } from '../ownership.js';
import { iptables } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import type { Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { readSysctls } from '../sysctls.js';
import type { DeviceOffloads, Facts, FwmarkRule, KernelPart, TunDevice } from './facts.js';
import { readLoadBalancers } from './gather-load-balancers.js';
import { readTables } from './gather-tables.js';
import { readTracking } from './gather-tracking.js';
import type { PacketRules } from './queue-rules.js';
import { readable } from './readable.js';

/** Looks at this machine, in this network namespace. What cannot be found out is left out; nothing is changed. */
export async function gatherFacts(): Promise<Facts> {
  const kernelOptions = readKernelOptions();
  // Who may not look is shown nothing by some programs, without an error.
  const mayLook = hasCapability(readCapabilities(), CAP_NET_ADMIN);
  const rulesOf = (...command: [string, ...string[]]): string | undefined => (mayLook ? tryProgram(...command) : undefined);
  const rules: PacketRules = {
    savedRules: { 4: rulesOf(`${iptables(4)}-save`), 6: rulesOf(`${iptables(6)}-save`) },
    nftRules: rulesOf('nft', 'list', 'ruleset'),
    iptablesVersion: firstLine('iptables', '--version'),
  };
  const policyRules = { 4: readFwmarkRules(4), 6: readFwmarkRules(6) };
  return {
    ...rules,
    kernelRelease: release(),
    kernelOptions,
    trials: kernelOptions ? new Map() : tryKernel(),
    capabilities: readCapabilities(),
    ipVersion: firstLine('ip', '-V'),
    sysctls: readSysctls(),
    offloads: firstLine('ethtool', '--version') === undefined ? undefined : readOffloads(),
    tracking: readTracking(rules),
    queues: readable(readKernelQueues),
    policyRules,
    ownTables: { 4: readOwnTables(4), 6: readOwnTables(6) },
    ownRoutes: { 4: readOwnRoutes(4), 6: readOwnRoutes(6) },
    silentNeighbours: [...readSilentNeighbours(4), ...readSilentNeighbours(6)],
    unroutedVips: policyRules[4].some(({ own }) => own) ? readUnroutedVips(rules.savedRules[4] ?? '') : [],
    tunDevices: readTunDevices(),
    loadBalancers: await readLoadBalancers(),
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
  readonly gateway?: string;
  /** Absent for a route that leads somewhere. */
  readonly type?: string;
}

/** What `ip` shows, of an address family or whatever else the option before says. */
function show<T>(option: string, ...words: string[]): T[] {
  return readable(() => JSON.parse(runProgram(['ip', option, '-N', '-json', ...words]) || '[]')) ?? [];
}

function readOwnTables(family: Family): number[] {
  const routes = show<RouteJson>(`-${family}`, 'route', 'show', 'table', 'all', 'protocol', String(PROTOCOL));
  return [...new Set(routes.map(({ table }) => Number(table)))];
}

function readOwnRoutes(family: Family): Facts['ownRoutes'][Family] {
  const routes = show<RouteJson>(`-${family}`, 'route', 'show', 'table', 'all', 'protocol', String(PROTOCOL));
  return routes.flatMap(({ table, gateway }) =>
    gateway === undefined ? [] : [{ fwmark: Number(table) - routingTable(0), address: gateway }],
  );
}

function readSilentNeighbours(family: Family): string[] {
  const neighbours = show<{ readonly dst: string; readonly state?: readonly string[] }>(`-${family}`, 'neighbour', 'show', 'nud', 'all');
  return neighbours.filter(({ state = [] }) => state.includes('FAILED') || state.includes('INCOMPLETE')).map(({ dst }) => dst);
}

/** @param saved what iptables-save has written */
function readUnroutedVips(saved: string): string[] {
  const rules = parseSavedRules(saved).get('mangle')?.rules ?? [];
  const vips = new Set(rules.flatMap((rule) => / -d (\S+) /.exec(rule)?.[1] ?? []));
  return [...vips].filter((vip) => tryProgram('ip', '-4', 'route', 'get', vip.split('/')[0]!) === undefined);
}

function readTunDevices(): TunDevice[] {
  const links = show<{ readonly ifname: string; readonly flags: readonly string[] }>('-details', 'link', 'show', 'type', 'tun');
  return links
    .filter(({ ifname }) => ifname?.startsWith('nfqlb'))
    .map(({ ifname, flags }) => ({ device: ifname, up: flags.includes('UP') }));
}

function readFwmarkRules(family: Family): FwmarkRule[] {
  const leading = new Set(
    show<RouteJson>(`-${family}`, 'route', 'show', 'table', 'all').flatMap(({ table, type }) =>
      type === undefined ? [Number(table)] : [],
    ),
  );
  return show<RuleJson>(`-${family}`, 'rule', 'show').flatMap(({ fwmark, table, protocol }) =>
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
