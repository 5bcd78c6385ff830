// Flows and packets that an input of a fuzz target chooses: few addresses and ports, so that packets match flows.

import { packet } from '../packet-builder/index.js';
import type { FuzzInput } from './fuzz-input.js';
import type { NaiveFlow } from './naive-flows.js';

const ADDRESSES4 = ['10.0.0.1', '10.0.0.2', '10.128.0.1', '192.168.0.1'];
const ADDRESSES6 = ['2001:db8::1', '2001:db8:0:1::1', '::ffff:10.0.0.1', '::1'];
const PORTS = [1, 80, 81, 5000, 9899, 65535];
const HEADER = { tcp: 20, udp: 8, sctp: 12 } as const;
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** Targets of the flows. */
export const FUZZ_TABLES: readonly string[] = ['one', 'two', 'missing'];

function cidr(input: FuzzInput): string {
  if (input.flag()) return `${input.pick(ADDRESSES6)}/${input.below(129)}`;
  return input.flag() ? `${input.pick(ADDRESSES4)}/${input.below(33)}` : `::ffff:${input.pick(ADDRESSES4)}/${90 + input.below(39)}`;
}

function range(input: FuzzInput): string {
  const first = input.flag() ? Math.max(1, input.u16()) : input.pick(PORTS);
  return input.flag() ? `${first}` : `${first}-${Math.min(65535, first + input.below(256))}`;
}

function match(input: FuzzInput): string {
  const protocol = input.pick(PROTOCOLS);
  const length = input.pick([1, 2, 4]);
  const offset = Math.min(input.below(20), HEADER[protocol] - length);
  const ones = 2 ** (8 * length) - 1;
  const mask = input.flag() ? 0 : Math.max(1, input.u32() % (ones + 1));
  const value = input.flag() ? input.pick(PORTS) : input.u32();
  if (mask === 0) return `${protocol}[${offset}:${length}]=${value % (ones + 1)}`;
  return `${protocol}[${offset}:${length}]&0x${mask.toString(16)}=${Number(BigInt(value) & BigInt(mask))}`;
}

/** A flow; several may have the same name. */
export function fuzzFlow(input: FuzzInput): NaiveFlow & { readonly target: string } {
  const udpencap = input.pick([0, 0, 0, 9899, 80]);
  return {
    name: `${input.below(6)}`,
    target: input.pick(FUZZ_TABLES),
    priority: input.pick([0, 1, 2, 0xffffffff]),
    protocols: udpencap === 0 ? [...new Set(input.list(2, () => input.pick(PROTOCOLS)))] : ['sctp'],
    dsts: input.list(3, () => cidr(input)),
    srcs: input.list(2, () => cidr(input)),
    dports: input.list(2, () => range(input)),
    sports: input.list(2, () => range(input)),
    match: input.list(1, () => match(input)),
    udpencap,
  };
}

/** A packet: whole, cut, a first fragment, an ICMP error, SCTP in UDP. */
export function fuzzPacket(input: FuzzInput): Uint8Array {
  const ip = input.flag()
    ? packet().ipv6(input.pick(ADDRESSES6), input.pick(ADDRESSES6))
    : packet().ipv4(input.pick(ADDRESSES4), input.pick(ADDRESSES4));
  const head = input.below(8) === 0 ? ip.fragment({ id: 7, offset: 0, more: true }) : ip;
  const [sport, dport] = [input.pick(PORTS), input.pick(PORTS)];
  const inside = packet().ipv4('1.1.1.1', '1.1.1.1').sctp(sport, dport).build().slice(20);
  const whole = [
    () => head.tcp(sport, dport, { flags: input.u8() }),
    () => head.udp(sport, dport).payload(input.bytes(4)),
    () => head.sctp(sport, dport),
    () => head.udp(input.pick([9899, 80]), input.pick([9899, 80])).payload(inside),
    () => head.icmpEcho(sport),
    () => ip.icmpError(3, 1, ip.udp(sport, dport).payload(inside).build()),
    () => head.protocol(47).payload(8),
  ][input.below(7)]!().build();
  return whole.slice(0, whole.length - input.pick([0, 0, 0, 1, 9, 17]));
}
