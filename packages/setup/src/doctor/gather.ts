import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { hasCapability, readKernelQueues, readPrivileges } from '@nfqlb/native';
import { PROTOCOL, routingTable } from '../ownership.js';
import { iptables } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import { FAMILIES, type Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { readSysctls } from '../sysctls.js';
import type { DeviceOffloads, Facts, FwmarkRule, KernelPart, StrayRoute, TunDevice } from './facts.js';
import { watchDrops } from './gather-drops.js';
import { readFastPath } from './gather-fast-path.js';
import { readLoadBalancers } from './gather-load-balancers.js';
import { askNeighbours } from './gather-neighbours.js';
import { readTables } from './gather-tables.js';
import { readTracking } from './gather-tracking.js';
import type { PacketRules } from './queue-rules.js';
import { readable } from './readable.js';
import { waysToQueues } from './shadow-check.js';
import { translations } from './translations.js';

/** Examines this machine, in this network namespace, without changing it. Omits what it cannot find out. */
export async function gatherFacts(): Promise<Facts> {
  const drops = watchDrops();
  const kernelOptions = readKernelOptions();
  // Without it, some programs print nothing and report no error.
  const { effective: capabilities } = readPrivileges();
  const mayRead = hasCapability(capabilities, 'CAP_NET_ADMIN');
  const rulesOf = (...command: [string, ...string[]]): string | undefined => (mayRead ? tryProgram(...command) : undefined);
  const rules: PacketRules = {
    savedRules: { 4: rulesOf(`${iptables(4)}-save`), 6: rulesOf(`${iptables(6)}-save`) },
    legacyRules: mayRead ? { 4: readLegacyRules(4), 6: readLegacyRules(6) } : { 4: '', 6: '' },
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
    capabilities,
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
    fastPath: readFastPath(),
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

/** @param config a kernel's build configuration: `CONFIG_TUN=y`, `# CONFIG_IPX is not set` */
export function parseKernelOptions(config: string): ReadonlySet<string> {
  return new Set([...config.matchAll(/^CONFIG_(\w+)=[ym]$/gm)].map((match) => match[1]!));
}

/** Tries rules for each part in a temporary network namespace. Without one, tries only tun. */
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

/** Rules and routes as `ip -N -json` prints them, only the fields we use. */
interface RuleJson {
  readonly fwmark?: string;
  readonly table?: string;
  readonly protocol?: string;
}

interface RouteJson {
  readonly table?: string;
  readonly gateway?: string;
  readonly dev?: string;
  /** Absent for a unicast route. */
  readonly type?: string;
}

/** From linux/rtnetlink.h, as `ip -N` prints it. */
const RTN_LOCAL = '2';

/** Runs `ip` with an option such as `-4` and returns its JSON output. */
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

/** @param saved output of iptables-save */
function readUnroutedVips(saved: string): string[] {
  const rules = parseSavedRules(saved).get('mangle')?.rules ?? [];
  const vips = new Set(rules.flatMap((rule) => / -d (\S+) /.exec(rule)?.[1] ?? []));
  return [...vips].filter((vip) => tryProgram('ip', '-4', 'route', 'get', vip.split('/')[0]!) === undefined);
}

/** Rules of iptables-legacy, if `iptables` is another program. The kernel lists the tables in use. */
function readLegacyRules(family: Family): string {
  const isInUse = (readable(() => readFileSync(`/proc/net/ip${family === 6 ? '6' : ''}_tables_names`, 'latin1')) ?? '') !== '';
  if (!isInUse || firstLine('iptables', '--version')?.includes('legacy')) return '';
  return tryProgram(`${iptables(family)}-legacy-save`) ?? '';
}

/** VIPs of queue rules without address translation: their packets are routed by fwmark. */
function routedVips(family: Family, rules: PacketRules): string[] {
  const saved = rules.savedRules[family] ?? '';
  const vips = new Set(waysToQueues(rules).flatMap((way) => (way.family === family && way.vip !== undefined ? [way.vip] : [])));
  const translated = new Set([...saved.matchAll(/ -d (\S+) .*-j DNAT /g)].map(([, vip]) => vip!));
  return [...vips].filter((vip) => !translated.has(vip));
}

/** The kernel's route for a packet to the first address of a network; `undefined` if there is none. */
function routeTo(family: Family, network: string, fwmark: number | undefined): RouteJson | undefined {
  const marked = fwmark === undefined ? [] : ['mark', String(fwmark)];
  return show<RouteJson>(`-${family}`, 'route', 'get', network.split('/')[0]!, ...marked)[0];
}

function readLocalVips(family: Family, vips: readonly string[], fwmark: number | undefined): string[] {
  return vips.filter((vip) => {
    const type = routeTo(family, vip, fwmark)?.type;
    return type === 'local' || type === RTN_LOCAL;
  });
}

/** Checks all fwmarks with the first VIP: foreign policy rules for a single VIP are rare. */
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
  // `ip` prints an empty object for each device of another type.
  return links.flatMap(({ ifname, flags = [], mtu = 0 }) =>
    ifname === undefined ? [] : [{ device: ifname, up: flags.includes('UP'), mtu }],
  );
}

function readFwmarkRules(family: Family): FwmarkRule[] {
  const tablesWithRoute = new Set(
    show<RouteJson>(`-${family}`, 'route', 'show', 'table', 'all').flatMap(({ table, type }) =>
      type === undefined ? [Number(table)] : [],
    ),
  );
  return show<RuleJson>(`-${family}`, 'rule', 'show').flatMap(({ fwmark, table, protocol }) =>
    fwmark === undefined
      ? []
      : [{ fwmark: Number(fwmark), table: Number(table), own: protocol === String(PROTOCOL), leads: tablesWithRoute.has(Number(table)) }],
  );
}

function firstLine(program: string, option: string): string | undefined {
  return tryProgram(program, option)?.split('\n')[0];
}

/** Output of a program; `undefined` if it is missing or fails. */
function tryProgram(program: string, ...args: string[]): string | undefined {
  try {
    return runProgram([program, ...args]);
  } catch (error) {
    if (error instanceof SetupError) return undefined;
    throw error;
  }
}
