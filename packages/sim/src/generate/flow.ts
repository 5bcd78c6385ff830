import { type PacketBuilder, packet } from '@nfqlb/core/packet-builder';
import { RANDOM_RANGE } from '../mulberry32.js';
import { chooseFrom } from './mixed.js';
import type { GeneratedProtocol, TrafficOptions } from './traffic-options.js';

const SYN = 0x02;
const ACK = 0x10;
const FIN_ACK = 0x11;

/** Longest fragment, from the IP header on: the least MTU of IPv6 (RFC 8200 §5). */
const FRAGMENT_MTU = 1280;

const PORT: Readonly<Record<Exclude<GeneratedProtocol, 'icmp'>, number>> = { tcp: 80, udp: 53, sctp: 3868 };

/** A flow under way. Its packets are built when it begins. */
export interface Flow {
  readonly protocol: GeneratedProtocol;
  readonly family: 4 | 6;
  readonly begin: Uint8Array | undefined;
  /** What it sends: one of these per path; each is a packet, or the fragments of a datagram. */
  readonly data: readonly (readonly Uint8Array[])[];
  readonly end: Uint8Array | undefined;
  /** By path, if there are to be any: an ICMP error about a packet of the reverse direction, which a router on the way sends to the VIP. */
  readonly errors: readonly Uint8Array[];
  /** Times that data is still to be sent. */
  left: number;
  begun: boolean;
  ended: boolean;
}

/** Packets that a flow still has to send. */
export function owedBy({ begin, begun, data, left, end, ended }: Flow): number {
  return (begin && !begun ? 1 : 0) + left * data[0]!.length + (end && !ended ? 1 : 0);
}

/**
 * @param number from 0: each flow has another client address, until there are 2²³ of them
 * @param room packets that the flow may send, at least 1
 */
export function startFlow(number: number, room: number, options: TrafficOptions, random: () => number): Flow {
  const percent = (part: number): boolean => (random() / RANDOM_RANGE) * 100 < part;
  const family = percent(options.ipv6) ? 6 : 4;
  const protocol = chooseFrom(options.protocols, random);
  const octets = Number(chooseFrom(options.sizes, random));
  const vip = addressOf('vip', random() % options.vips, family);
  const port = 1024 + (random() % 64_000);
  // Exponentially distributed lengths, at least one.
  const wanted = 1 + Math.floor(-Math.log(1 - random() / RANDOM_RANGE) * (options.length - 1));
  const client = (path: number): string => addressOf(path === 0 ? 'client' : 'second path', clientOf(number), family);
  const from = (path: number): PacketBuilder => ip(client(path), vip, family);

  const paths = protocol === 'sctp' && percent(options.multihomed) ? [0, 1] : [0];
  const data = paths.map((path) => [filled((payload) => transport(from(path), protocol, port).payload(payload), octets)]);
  if (protocol === 'udp' && percent(options.fragmented)) {
    const train = fragmentsOf(
      filled((payload) => from(0).udp(port, PORT.udp).payload(payload), 2 * FRAGMENT_MTU),
      from(0),
      family,
    );
    if (room >= train.length + 3 || room === train.length) data[0] = train;
  }
  const router = ip(addressOf('router', random() % 1000, family), vip, family);
  // Building them takes time, and most captures have none.
  const errors = (options.errors > 0 ? paths : []).map((path) => {
    const back = ip(vip, client(path), family);
    const quoted = (protocol === 'icmp' ? back.icmpEcho(port) : transportBack(back, protocol, port)).build();
    // Too long for the next link: RFC 1191 §4, RFC 4443 §3.2.
    return (family === 4 ? router.icmpError(3, 4, quoted) : router.icmpError(2, 0, quoted)).build();
  });
  const connects = protocol === 'tcp' && room >= 3;
  const around = {
    begin: connects ? from(0).tcp(port, PORT.tcp, { flags: SYN }).build() : undefined,
    data,
    end: connects ? from(0).tcp(port, PORT.tcp, { flags: FIN_ACK }).build() : undefined,
  };
  return { ...around, protocol, family, errors, begun: false, ended: false, left: lengthOf(around, wanted, room) };
}

/** As long as wanted, if that leaves room for nothing or for another flow. */
function lengthOf({ begin, data, end }: Pick<Flow, 'begin' | 'data' | 'end'>, wanted: number, room: number): number {
  const around = (begin ? 1 : 0) + (end ? 1 : 0);
  const each = data[0]!.length;
  const most = Math.floor((room - around) / each);
  for (let times = Math.min(wanted, most); times > 0; times--) {
    const rest = room - around - times * each;
    if (rest === 0 || rest >= 3) return times;
  }
  return most;
}

function transport(to: PacketBuilder, protocol: GeneratedProtocol, port: number): PacketBuilder {
  switch (protocol) {
    case 'tcp':
      return to.tcp(port, PORT.tcp, { flags: ACK });
    case 'udp':
      return to.udp(port, PORT.udp);
    case 'sctp':
      return to.sctp(port, PORT.sctp);
    case 'icmp':
      return to.icmpEcho(port);
  }
}

function transportBack(from: PacketBuilder, protocol: Exclude<GeneratedProtocol, 'icmp'>, port: number): PacketBuilder {
  switch (protocol) {
    case 'tcp':
      return from.tcp(PORT.tcp, port);
    case 'udp':
      return from.udp(PORT.udp, port);
    case 'sctp':
      return from.sctp(PORT.sctp, port);
  }
}

const CLIENTS = 2 ** 23;
/** An odd factor permutes the numbers, so that neighbouring flows do not have neighbouring addresses. */
const clientOf = (number: number): number => (Math.imul(number, 0x9e3779b1) >>> 0) % CLIENTS;

/** A packet between two addresses of that family. */
export function ip(source: string, destination: string, family: 4 | 6): PacketBuilder {
  return family === 4 ? packet().ipv4(source, destination) : packet().ipv6(source, destination);
}

type Place = 'client' | 'second path' | 'attacker' | 'router' | 'vip';

/** The first IPv4 address and the IPv6 network of each. */
const NETWORKS: Readonly<Record<Place, readonly [number, string]>> = {
  // 10.0.0.0/9 and 10.128.0.0/9, 100.64.0.0/10, 203.0.113.0/24 and 192.0.2.0/24.
  client: [0x0a000000, '2001:db8:1::'],
  'second path': [0x0a800000, '2001:db8:2::'],
  attacker: [0x64400000, '2001:db8:3::'],
  router: [0xcb007100, '2001:db8:4::'],
  vip: [0xc0000201, '2001:db8:ffff::'],
};

/** @param n from 0 to 2²³ − 1, or 2²² − 1 for attackers and 253 for the others */
export function addressOf(what: Place, n: number, family: 4 | 6): string {
  const [v4, v6] = NETWORKS[what];
  if (family === 6) return `${v6}${((n >>> 16) + 1).toString(16)}:${(n & 0xffff).toString(16)}`;
  const address = v4 + (what === 'router' ? n % 254 : n);
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** A packet of zeros of that many octets, or the shortest one that has all headers. */
function filled(build: (payload: Uint8Array) => PacketBuilder, octets: number): Uint8Array {
  const headers = build(ZEROS.subarray(0, 0)).build().length;
  return build(ZEROS.subarray(0, Math.max(0, octets - headers))).build();
}

const ZEROS = new Uint8Array(9000);

/** The fragments of a datagram, with identification 0. */
function fragmentsOf(whole: Uint8Array, header: PacketBuilder, family: 4 | 6): Uint8Array[] {
  const [ipHeader, fragmentHeader] = family === 4 ? [20, 0] : [40, 8];
  const content = whole.subarray(ipHeader);
  // Multiples of 8 octets (RFC 791 §3.2).
  const most = (FRAGMENT_MTU - ipHeader - fragmentHeader) & ~7;
  return Array.from({ length: Math.ceil(content.length / most) }, (_, i) => {
    const part = content.subarray(i * most, (i + 1) * most);
    return header
      .fragment({ id: 0, offset: i * most, more: (i + 1) * most < content.length })
      .protocol(17)
      .payload(part)
      .build();
  });
}
