import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { readKernelQueues } from '@nfqlb/native';
import { CAP_NET_ADMIN, hasCapability, readCapabilities } from '../capabilities.js';
import { PROTOCOL, routingTable } from '../ownership.js';
import { iptables } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import { FAMILIES, type Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { readSysctls } from '../sysctls.js';
import type { DeviceOffloads, Facts, FwmarkRule, KernelPart, StrayRoute, TunDevice } from './facts.js';
import { watchDrops } from './gather-drops.js';
import { readLoadBalancers } from './gather-load-balancers.js';
import { askNeighbours } from './gather-neighbours.js';
import { readTables } from './gather-tables.js';
import { readTracking } from './gather-tracking.js';
import type { PacketRules } from './queue-rules.js';
import { readable } from './readable.js';
import { waysToQueues } from './shadow-check.js';
import { translations } from './translations.js';

/** Looks at this machine, in this network namespace. What cannot be found out is left out; nothing is changed. */
export async function gatherFacts(): Promise<Facts> {
  const drops = watchDrops();
  const kernelOptions = readKernelOptions();
  // Who may not look is shown nothing by some programs, without an error.
  const mayLook = hasCapability(readCapabilities(), CAP_NET_ADMIN);
  const rulesOf = (...command: [string, ...string[]]): string | undefined => (mayLook ? tryProgram(...command) : undefined);
  const rules: PacketRules = {
    savedRules: { 4: rulesOf(`${iptables(4)}-save`), 6: rulesOf(`${iptables(6)}-save`) },
    legacyRules: mayLook ? { 4: readLegacyRules(4), 6: readLegacyRules(6) } : { 4: '', 6: '' },
    nftRules: rulesOf('nft', 'list', 'ruleset'),
    iptablesVersion: firstLine('iptables', '--version'),
  };
  const policyRules = { 4: readFwmarkRules(4), 6: readFwmarkRules(6) };
  const ownRoutes = { 4: readOwnRoutes(4), 6: readOwnRoutes(6) };
  const targets = FAMILIES.flatMap((family) => [...ownRoutes[family], ...translations(rules.savedRules[family] ?? '')]);
  const vips = { 4: routedVips(4, rules), 6: routedVips(6, rules) };
  await askNeighbours([...new Set(targets.map(({ address }) => address))]);
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
    ownRoutes,
    silentNeighbours: [...readSilentNeighbours(4), ...readSilentNeighbours(6)],
    unroutedVips: policyRules[4].some(({ own }) => own) ? readUnroutedVips(rules.savedRules[4] ?? '') : [],
    localVips: FAMILIES.flatMap((family) => readLocalVips(family, vips[family], ownRoutes[family][0]?.fwmark)),
    strayRoutes: FAMILIES.flatMap((family) => readStrayRoutes(family, vips[family], ownRoutes[family])),
    tunDevices: readTunDevices(),
    loadBalancers: await readLoadBalancers(),
    tables: readTables(),
    drops: await drops(),
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
  readonly dev?: string;
  /** Absent for a route that leads somewhere. */
  readonly type?: string;
}

/** `RTN_LOCAL` of linux/rtnetlink.h, as `ip -N` writes it. */
const LOCAL = '2';

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

/** Rules of iptables-legacy, where `iptables` is another program: the kernel lists the tables that are in use. */
function readLegacyRules(family: Family): string {
  const isInUse = (readable(() => readFileSync(`/proc/net/ip${family === 6 ? '6' : ''}_tables_names`, 'latin1')) ?? '') !== '';
  if (!isInUse || firstLine('iptables', '--version')?.includes('legacy')) return '';
  return tryProgram(`${iptables(family)}-legacy-save`) ?? '';
}

/** VIPs of queue rules that no rule translates: their packets are routed by fwmark. */
function routedVips(family: Family, rules: PacketRules): string[] {
  const saved = rules.savedRules[family] ?? '';
  const vips = new Set(waysToQueues(rules).flatMap((way) => (way.family === family && way.vip !== undefined ? [way.vip] : [])));
  const translated = new Set([...saved.matchAll(/ -d (\S+) .*-j DNAT /g)].map(([, vip]) => vip!));
  return [...vips].filter((vip) => !translated.has(vip));
}

/** What the kernel says about the route of a packet to the first address of a network; `undefined` where there is none. */
function routeTo(family: Family, network: string, fwmark: number | undefined): RouteJson | undefined {
  const marked = fwmark === undefined ? [] : ['mark', String(fwmark)];
  return show<RouteJson>(`-${family}`, 'route', 'get', network.split('/')[0]!, ...marked)[0];
}

function readLocalVips(family: Family, vips: readonly string[], fwmark: number | undefined): string[] {
  return vips.filter((vip) => {
    const type = routeTo(family, vip, fwmark)?.type;
    return type === 'local' || type === LOCAL;
  });
}

/** All fwmarks with the first VIP: policy rules of others that are for one VIP alone are rare. */
function readStrayRoutes(family: Family, [vip]: readonly string[], targets: Facts['ownRoutes'][Family]): StrayRoute[] {
  if (vip === undefined) return [];
  return targets.flatMap(({ fwmark, address }) => {
    const route = routeTo(family, vip, fwmark);
    if (route === undefined || route.type !== undefined || route.gateway === address) return [];
    return [{ vip, fwmark, goes: `${route.gateway === undefined ? '' : `via ${route.gateway} `}dev ${route.dev}` }];
  });
}

interface LinkJson {
  readonly ifname: string;
  readonly flags: readonly string[];
  /** Octets. */
  readonly mtu: number;
}

function readTunDevices(): TunDevice[] {
  const links = show<Partial<LinkJson>>('-details', 'link', 'show', 'type', 'tun');
  // `ip` writes an empty object for each device of another type.
  return links.flatMap(({ ifname, flags = [], mtu = 0 }) =>
    ifname === undefined ? [] : [{ device: ifname, up: flags.includes('UP'), mtu }],
  );
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
