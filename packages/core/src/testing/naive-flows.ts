// A second implementation of data-plane §6, only for tests: a linear walk over the text definitions, with BigInt and slices, sharing no code with
// the lookup under test.

import { naiveKey } from './naive-key.js';

/** A flow as text, which must be valid: nothing is checked. */
export interface NaiveFlow {
  readonly name: string;
  readonly priority?: number;
  readonly protocols?: readonly string[];
  readonly dsts?: readonly string[];
  readonly srcs?: readonly string[];
  readonly dports?: readonly string[];
  readonly sports?: readonly string[];
  readonly match?: readonly string[];
  readonly udpencap?: number;
}

/** The properties of a packet that flows can match. */
interface Properties {
  readonly ipv6: boolean;
  readonly dst: bigint;
  readonly src: bigint;
  readonly protocol: number;
  readonly dport: number;
  readonly sport: number;
  readonly ping: boolean;
  /** Protocol and octets of the header for byte matches; absent for a packet quoted in an ICMP error. */
  readonly header?: { readonly protocol: string; readonly octets: Uint8Array };
}

const NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
const NAMES: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };
const HEADERS: Readonly<Record<string, number>> = { tcp: 20, udp: 8, sctp: 12 };

/** The name of a packet's flow, also for SCTP in UDP; `undefined` for none. */
export function naiveFlow(flows: readonly NaiveFlow[], packet: Uint8Array, ipv6: boolean, promiscuousPing: boolean): string | undefined {
  const ordered = flows
    .flatMap((flow): NaiveFlow[] => (flow.udpencap ? [flow, { ...encapsulationOf(flow), udpencap: flow.udpencap }] : [flow]))
    .sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (a.name < b.name ? -1 : 1));
  const first = walk(ordered, packet, ipv6, promiscuousPing, 0);
  if (!first?.name.startsWith('#')) return first?.name;
  const second = walk(ordered, packet, ipv6, promiscuousPing, first.udpencap!);
  return second?.name;
}

function encapsulationOf(flow: NaiveFlow): NaiveFlow {
  const { name, priority = 0, dsts = [], srcs = [], udpencap } = flow;
  return { name: `#${name}`, priority, dsts, srcs, protocols: ['udp'], dports: [`${udpencap}`] };
}

function walk(
  flows: readonly NaiveFlow[],
  packet: Uint8Array,
  ipv6: boolean,
  promiscuousPing: boolean,
  encap: number,
): NaiveFlow | undefined {
  const properties = read(packet, ipv6, encap);
  return properties && flows.find((flow) => matches(flow, properties, promiscuousPing));
}

function matches(flow: NaiveFlow, packet: Properties, promiscuousPing: boolean): boolean {
  const { protocols = [], dsts = [], srcs = [], dports = [], sports = [], match = [] } = flow;
  if (dsts.length > 0 && !dsts.some((cidr) => contains(cidr, packet.dst, packet.ipv6))) return false;
  if (srcs.length > 0 && !srcs.some((cidr) => contains(cidr, packet.src, packet.ipv6))) return false;
  if (packet.ping && promiscuousPing) return !flow.name.startsWith('#');
  if (protocols.length > 0 && !protocols.some((protocol) => NUMBERS[protocol] === packet.protocol)) return false;
  if (dports.length > 0 && !dports.some((range) => inRange(range, packet.dport))) return false;
  if (sports.length > 0 && !sports.some((range) => inRange(range, packet.sport))) return false;
  return match.every((one) => octetsMatch(one, packet));
}

function contains(cidr: string, address: bigint, ipv6: boolean): boolean {
  const [text, prefix] = cidr.split('/') as [string, string];
  const mapped = !text.includes(':');
  const bits = Number(prefix) + (mapped ? 96 : 0);
  const network = mapped ? parseIpv6(`::ffff:${text}`) : parseIpv6(text);
  const ofIpv4 = network >> 32n === 0xffffn && bits >= 96;
  return ofIpv4 !== ipv6 && network >> BigInt(128 - bits) === address >> BigInt(128 - bits);
}

function parseIpv6(text: string): bigint {
  const hexed = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [a, b, c, d] = octets.slice(0, 4).map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = hexed.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const before = [...head];
  const after = tail ?? [];
  const groups = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function inRange(range: string, port: number): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return port >= first! && port <= last!;
}

function octetsMatch(one: string, { header }: Properties): boolean {
  const [, protocol, offset, length, mask, value] = /^(\w+)\[(\d+) *: *(\d)\](?: *& *(\w+))? *= *(\w+)$/.exec(one)! as unknown as string[];
  if (header?.protocol !== protocol) return true;
  if (header!.octets.length < HEADERS[protocol!]!) return false;
  const field = header!.octets.slice(Number(offset), Number(offset) + Number(length));
  const number = field.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  return (mask === undefined ? number : number & BigInt(mask)) === BigInt(value!);
}

/** `undefined` for packets without a flow lookup: malformed ones and later fragments. */
function read(packet: Uint8Array, ipv6: boolean, encap: number): Properties | undefined {
  const { kind, key = '' } = naiveKey(packet, ipv6, encap);
  if (kind === 'malformed' || kind === 'fragment') return undefined;
  const number = (at: number, octets: number): bigint => BigInt(`0x${key.slice(2 * at, 2 * (at + octets))}`);
  const protocol = Number(number(34, 1));
  const octets = transport(packet, ipv6);
  const encapsulated = protocol === 132 && octets.protocol === 17;
  return {
    ipv6,
    src: number(0, 16),
    dst: number(16, 16),
    protocol,
    sport: Number(number(36, 2)),
    dport: Number(number(38, 2)),
    ping: octets.protocol === (ipv6 ? 58 : 1) && octets.rest[0] === (ipv6 ? 128 : 8) && kind !== 'icmp-inner',
    ...(kind !== 'icmp-inner' &&
      NAMES[protocol] !== undefined && { header: { protocol: NAMES[protocol], octets: octets.rest.slice(encapsulated ? 8 : 0) } }),
  };
}

/** What follows all IP headers of a packet that is not malformed. */
function transport(packet: Uint8Array, ipv6: boolean): { readonly protocol: number; readonly rest: Uint8Array } {
  if (!ipv6) return { protocol: packet[9]!, rest: packet.slice((packet[0]! % 16) * 4) };
  let protocol = packet[6]!;
  let rest = packet.slice(40);
  while ([0, 43, 44, 60].includes(protocol)) {
    const length = protocol === 44 ? 8 : 8 * (rest[1]! + 1);
    protocol = rest[0]!;
    rest = rest.slice(length);
  }
  return { protocol, rest };
}
