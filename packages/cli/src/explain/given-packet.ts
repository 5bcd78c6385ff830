import { ETH_P_IP, ETH_P_IPV6, IPV6_HEADER_LENGTH, payloadLength, totalLength } from '@nfqlb/core';
import { isIpv4, parseIpAddress } from '@nfqlb/core/address';
import { protocolName } from '@nfqlb/core/explanation';
import { packet } from '@nfqlb/core/packet-builder';
import { UsageError, type ValueParser, words } from '@nfqlb/options';

/** A complete packet to explain. */
export interface GivenPacket {
  readonly bytes: Uint8Array;
  readonly etherType: number;
}

/** A packet described by options. */
export interface PacketOptions {
  readonly src?: string;
  readonly dst?: string;
  readonly proto?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** Of an echo request. */
  readonly id?: number;
  /** Of an ICMP message. */
  readonly type?: number;
}

const ICMP = 1;
const ICMPV6 = 58;
const WITH_PORTS = [6, 17, 132];
const NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: ICMP, icmp6: ICMPV6 };

/** Hop-by-hop options, routing, fragment and destination options (RFC 8200 §4): headers before that of the protocol. */
const EXTENSIONS = [0, 43, 44, 60];

/** The type of an echo request, and those of errors, which quote a packet. */
const ECHO = { 4: 8, 6: 128 } as const;
const ERRORS = { 4: [3, 4, 5, 11, 12], 6: [1, 2, 3, 4] } as const;

const MIN_IPV4 = 20;
/** Octets of the longest IPv6 packet that is not a jumbogram (RFC 8200 §3). */
const MAX_IPV6 = IPV6_HEADER_LENGTH + 65_535;

/** Reads an address, of either family. */
export function address(text: string): string {
  if (parseIpAddress(text) !== undefined) return text;
  throw new UsageError('invalid-value', 'must be an address, as 10.0.0.1 or 2001:db8::1', { value: text });
}

/** Reads a protocol by name or number. */
export const protocol: ValueParser<number> = Object.assign(
  (text: string): number => {
    const number = NUMBERS[text.toLowerCase()] ?? (/^\d+$/.test(text) ? Number(text) : 256);
    if (number <= 255) return number;
    throw new UsageError('invalid-value', `must be ${Object.keys(NUMBERS).join(', ')}, or a number from 0 to 255`, { value: text });
  },
  { suggest: words(...Object.keys(NUMBERS)) },
);

/**
 * Reads an IP packet from hexadecimal digits, ignoring whitespace and colons.
 *
 * @throws UsageError that quotes only its beginning
 */
export function packetInHex(text: string): GivenPacket {
  const digits = text.replace(/[\s:]/g, '');
  const refuse = (problem: string): UsageError =>
    new UsageError('invalid-value', problem, { option: '--packet', value: digits.length > 20 ? `${digits.slice(0, 20)}…` : text.trim() });
  const form = 'must be the octets of an IP packet from its header on, two hexadecimal digits each';
  if (!/^[0-9a-f]+$/i.test(digits)) throw refuse(form);
  if (digits.length % 2 === 1) throw refuse(`${form}; there are ${digits.length} digits`);
  const bytes = Uint8Array.from(Buffer.from(digits, 'hex'));
  if (bytes.length > MAX_IPV6) throw refuse(`a packet has at most ${MAX_IPV6} octets, this has ${bytes.length}`);
  const version = bytes[0]! >> 4;
  if (version !== 4 && version !== 6) throw refuse(`must begin with the header of IPv4 or IPv6; this says version ${version}`);
  const header = version === 4 ? MIN_IPV4 : IPV6_HEADER_LENGTH;
  if (bytes.length < header) throw refuse(`the header of IPv${version} takes ${header} octets, ${bytes.length} are there`);
  const whole = version === 4 ? totalLength(bytes, 0) : IPV6_HEADER_LENGTH + payloadLength(bytes, 0);
  if (bytes.length < whole) throw refuse(`is cut off: its header speaks of ${whole} octets, ${bytes.length} are there`);
  return { bytes, etherType: version === 4 ? ETH_P_IP : ETH_P_IPV6 };
}

/**
 * Builds a packet from options.
 *
 * @throws UsageError for missing or conflicting options
 */
export function composePacket(options: PacketOptions): GivenPacket {
  const { src, dst, proto: given, sport, dport, id, type } = options;
  if (src === undefined || dst === undefined || given === undefined) {
    const missing = Object.entries({ src, dst, proto: given }).flatMap(([name, value]) => (value === undefined ? [`--${name}`] : []));
    const all = 'a packet is given by --src, --dst and --proto, with --sport and --dport for tcp, udp and sctp; or by --packet=HEX';
    throw new UsageError('missing-option', `missing option ${missing.join(', ')}: ${all}`);
  }
  const family = familyOf(src);
  if (family !== familyOf(dst)) {
    throw new UsageError('invalid-value', `must be IPv${family}, as --src=${src} is`, { option: '--dst', value: dst });
  }
  const proto = given === ICMP && family === 6 ? ICMPV6 : given;
  if (proto === ICMPV6 && family === 4) throw refusal('--proto', 'icmp6', 'goes over IPv6, not IPv4');
  if (family === 6 && EXTENSIONS.includes(proto))
    throw refusal('--proto', proto, 'is an extension header of IPv6: give the whole packet with --packet');
  const isIcmp = proto === ICMP || proto === ICMPV6;
  const hasPorts = WITH_PORTS.includes(proto);
  for (const [option, value] of [
    ['--sport', sport],
    ['--dport', dport],
  ] as const) {
    if (hasPorts && value === undefined)
      throw new UsageError('missing-option', `missing option ${option}: ${protocolName(proto)} has ports`);
    if (!hasPorts && value !== undefined) throw refusal(option, value, `is for tcp, udp and sctp; ${protocolName(proto)} has no ports`);
  }
  for (const [option, value] of [
    ['--id', id],
    ['--type', type],
  ] as const) {
    if (!isIcmp && value !== undefined) throw refusal(option, value, `is for icmp, not for ${protocolName(proto)}`);
  }
  const isEcho = type === undefined || type === ECHO[family];
  if (!isEcho && id !== undefined) throw refusal('--id', id, `is for echo requests, which have --type=${ECHO[family]}`);
  if (type !== undefined && (ERRORS[family] as readonly number[]).includes(type)) {
    throw refusal('--type', type, 'is an error, which goes with the packet that it quotes: give both with --packet');
  }

  const begun = family === 4 ? packet().ipv4(src, dst) : packet().ipv6(src, dst);
  const made = (): typeof begun => {
    if (isIcmp) return isEcho ? begun.icmpEcho(id ?? 0) : begun.icmp(type!);
    if (!hasPorts) return begun.protocol(proto);
    if (proto === NUMBERS.tcp) return begun.tcp(sport!, dport!);
    return proto === NUMBERS.udp ? begun.udp(sport!, dport!) : begun.sctp(sport!, dport!);
  };
  return { bytes: made().build(), etherType: family === 4 ? ETH_P_IP : ETH_P_IPV6 };
}

function familyOf(text: string): 4 | 6 {
  return isIpv4(parseIpAddress(text)!) ? 4 : 6;
}

function refusal(option: string, value: string | number, problem: string): UsageError {
  return new UsageError('invalid-value', problem, { option, value: `${value}` });
}
