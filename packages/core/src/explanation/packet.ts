import { formatEndpoint, formatIpAddress } from '../address/index.js';
import { Kind } from '../key/kind.js';
import type { PacketKey } from '../key/packet-key.js';
import { hasPorts, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/protocol.js';

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [IPPROTO_ICMP, 'icmp'],
  [IPPROTO_TCP, 'tcp'],
  [IPPROTO_UDP, 'udp'],
  [IPPROTO_ICMPV6, 'icmp6'],
  [IPPROTO_SCTP, 'sctp'],
]);

/** Name of a protocol, or `protocol 47`. */
export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES.get(protocol) ?? `protocol ${protocol}`;
}

/** Whether a key has ports. In a quoted packet, both are 0 if they were not quoted. */
export function hasPortFields(kind: Kind, key: PacketKey): boolean {
  if (kind === Kind.Normal || kind === Kind.UdpEncap) return true;
  if (!hasPorts(key.protocol)) return false;
  // A quoted later fragment has no ports; port 0 is reserved (RFC 6335 §6), so two zeros mean just that.
  return kind === Kind.FirstFragment || (kind === Kind.IcmpInner && (key.sourcePort !== 0 || key.destinationPort !== 0));
}

/**
 * Describes a key: `tcp 10.0.0.2:4711 -> 10.0.0.1:80`, `udp [1000::2]:4711 -> [1000::1]:53`, `fragment id=0x0007 10.0.0.2 -> 10.0.0.1`, or
 * `malformed`, if there is no key. For an ICMP error, describes the connection that it is about, in the direction to the target.
 */
export function describeKey(kind: Kind, key: PacketKey): string {
  if (kind === Kind.Malformed) return 'malformed';
  const ports = hasPortFields(kind, key);
  const end = (address: Uint8Array, port: number): string => formatEndpoint(formatIpAddress(address), ports ? port : undefined);
  const from = end(key.source, key.sourcePort);
  const to = end(key.destination, key.destinationPort);
  const what = kind === Kind.Fragment ? 'fragment' : protocolName(key.protocol);
  const datagram = kind === Kind.Fragment || kind === Kind.FirstFragment ? ` id=${datagramId(key)}` : '';
  return `${what}${datagram} ${from} -> ${to}`;
}

/** The identification as shown for captures. The key contains its octets read as little-endian: 16 bits for IPv4, 32 for IPv6. */
function datagramId({ fragmentId, family }: PacketKey): string {
  const octets = new DataView(new ArrayBuffer(4));
  octets.setInt32(0, fragmentId, true);
  return family === 4 ? `0x${octets.getUint16(0).toString(16).padStart(4, '0')}` : `0x${octets.getUint32(0).toString(16).padStart(8, '0')}`;
}
