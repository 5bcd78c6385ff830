import { type Cidr, isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { type Outcome, walk } from './chain-walk.js';
import type { KnownPacket } from './rule-match.js';
import type { Chains } from './saved-chains.js';
import { describeOutcome } from './way-to-queue.js';

/** Where the kernel sends a packet that has been load-balanced. */
export interface WayToTarget {
  /** The address that a rule translates the VIP to; absent without address translation. */
  readonly translated?: string;
  /** Absent if it goes nowhere; then `problem` says why. */
  readonly route?: Route;
  /** The neighbour that gets it; absent if it is delivered here. */
  readonly neighbour?: Neighbour;
  /** Why it does not arrive. */
  readonly problem?: string;
}

export interface Route {
  /** Absent when the destination is on the device's network. */
  readonly gateway?: string;
  readonly device: string;
  /** Routing table; absent for the main table. */
  readonly table?: number;
  readonly isLocal: boolean;
}

export interface Neighbour {
  readonly address: string;
  /** As `ip neighbour` prints it: `REACHABLE`, `STALE`, `FAILED`; absent if the kernel has not resolved it yet. */
  readonly state?: string;
  readonly linkLayerAddress?: string;
}

/** `ip -json`. */
interface RouteJson {
  readonly type?: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly table?: string;
}

interface NeighbourJson {
  readonly dst: string;
  readonly lladdr?: string;
  readonly state?: readonly string[];
}

/** The kernel's routing errors in plain words. */
const ROUTE_ERRORS: readonly (readonly [RegExp, string])[] = [
  [/No route to host/, 'no route, or forwarding is off'],
  [/Network is unreachable/, 'no route'],
  [/Cannot find device/, 'no such device'],
  // EXDEV, or EINVAL from newer kernels (seen with 6.18).
  [
    /Invalid (?:cross-device link|argument)/,
    'not accepted with this source: answers to it would leave through another device (reverse path filter), or it is an address of this machine',
  ],
];

/**
 * Follows a packet from its verdict to a neighbour, by asking the kernel.
 *
 * @param tables the packet rules of its family
 * @param addresses its source and destination
 * @param device where it comes in; default: where answers to its source leave
 */
export function wayToTarget(
  tables: ReadonlyMap<string, Chains>,
  packet: KnownPacket,
  addresses: { readonly source: string; readonly destination: string },
  fwmark: number,
  device?: string,
): WayToTarget {
  const family = isIpv4(parseIpAddress(addresses.source)!) ? 4 : 6;
  const marked = { ...packet, mark: fwmark };
  const translation = walk(tables.get('nat') ?? new Map(), packet.isForwarded ? 'PREROUTING' : 'OUTPUT', marked).find(isTranslation);
  const [, translated] = /--to-destination \[?([^\s\]]+)\]?/.exec(translation?.rule?.text ?? '') ?? [];
  const destination = translated ?? addresses.destination;
  const found = { ...(translated !== undefined && { translated }) };
  let route: Route;
  try {
    route = routeOf(family, destination, addresses.source, fwmark, packet.isForwarded, device);
  } catch (error) {
    if (!(error instanceof SetupError) || error.code !== 'command-failed') throw error;
    const [, words] = ROUTE_ERRORS.find(([pattern]) => pattern.test(error.message)) ?? [];
    return { ...found, problem: words ?? error.message };
  }
  if (route.isLocal) return { ...found, route, problem: `${destination} is an address of this machine: it is delivered here` };
  const neighbour = neighbourOf(family, route.gateway ?? destination, route.device);
  const way = { ...found, route, ...(neighbour && { neighbour }) };
  const dropped = packet.isForwarded ? droppedOnTheWay(tables, { ...marked, ...networkOf(destination) }) : undefined;
  if (dropped !== undefined) return { ...way, problem: `dropped by ${dropped}` };
  if (neighbour?.state === 'FAILED' || neighbour?.state === 'INCOMPLETE') {
    return { ...way, problem: `nobody answers at ${neighbour.address}` };
  }
  return way;
}

function isTranslation({ what, rule }: Outcome): boolean {
  return what === 'translate' && rule?.target === 'DNAT';
}

/** The kernel's route for a packet that comes in through a device. */
function routeOf(family: 4 | 6, destination: string, source: string, fwmark: number, isForwarded: boolean, device?: string): Route {
  const get = (...words: string[]): RouteJson =>
    (JSON.parse(runProgram(['ip', `-${family}`, '-json', 'route', 'get', ...words])) as RouteJson[])[0]!;
  const from = isForwarded ? ['from', source, 'iif', device ?? get(source).dev] : [];
  const { type, gateway, dev, table } = get(destination, ...from, 'mark', String(fwmark));
  const number = Number(table);
  return {
    ...(gateway !== undefined && { gateway }),
    device: dev,
    ...(Number.isInteger(number) && { table: number }),
    isLocal: type === 'local',
  };
}

/** Loopback and tunnels have no neighbours. */
function neighbourOf(family: 4 | 6, address: string, device: string): Neighbour | undefined {
  const [neighbour] = JSON.parse(
    runProgram(['ip', `-${family}`, '-json', 'neighbour', 'show', 'to', address, 'dev', device, 'nud', 'all']) || '[]',
  ) as NeighbourJson[];
  if (!neighbour) return { address };
  const [state] = neighbour.state ?? [];
  if (state === 'NOARP') return undefined;
  return { address, ...(state !== undefined && { state }), ...(neighbour.lladdr !== undefined && { linkLayerAddress: neighbour.lladdr }) };
}

function networkOf(address: string): { readonly destination?: Cidr } {
  const cidr = parseCidr(`${address}/${address.includes(':') ? 128 : 32}`);
  return cidr ? { destination: cidr } : {};
}

/** The rule or policy that certainly drops it while it is forwarded. */
function droppedOnTheWay(tables: ReadonlyMap<string, Chains>, packet: KnownPacket): string | undefined {
  for (const table of ['mangle', 'filter']) {
    const outcomes = walk(tables.get(table) ?? new Map(), 'FORWARD', packet);
    const end = outcomes.at(-1);
    if (end?.what === 'drop' && !outcomes.some(({ what }) => what === 'accept')) return describeOutcome(end);
  }
  return undefined;
}
