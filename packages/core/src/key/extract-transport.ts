// What follows the IP headers, the same for IPv4 and IPv6: ports, SCTP in UDP, and ICMP's own fields.

import { ICMP_ECHO_IDENTIFIER } from '../wire/icmp.js';
import { destinationPort, PORTS_LENGTH, sourcePort } from '../wire/ports.js';
import { hasPorts, IPPROTO_SCTP, IPPROTO_UDP } from '../wire/protocol.js';
import { UDP_HEADER_LENGTH } from '../wire/udp.js';
import { Kind } from './kind.js';
import { KEY_DESTINATION_PORT, KEY_ID, KEY_PROTOCOL, KEY_SOURCE_PORT, type PacketKey } from './packet-key.js';

/** Notes the protocol; the upper octet of its field stays 0. */
export function setProtocol(key: PacketKey, protocol: number): void {
  key.bytes[KEY_PROTOCOL] = protocol;
}

/** Notes an echo request, whose ICMP header begins at `at`, and its identifier. */
export function setEchoId(key: PacketKey, bytes: Uint8Array, at: number): void {
  key.bytes[KEY_ID] = bytes[at + ICMP_ECHO_IDENTIFIER]!;
  key.bytes[KEY_ID + 1] = bytes[at + ICMP_ECHO_IDENTIFIER + 1]!;
  key.echoRequest = true;
}

/**
 * Protocol and ports of a packet on its way to a target.
 *
 * @param at where the header after the IP headers begins
 * @param end octet after the packet's last
 */
export function extractTransport(key: PacketKey, bytes: Uint8Array, at: number, end: number, protocol: number, udpEncapPort: number): Kind {
  setProtocol(key, protocol);
  if (!hasPorts(protocol)) return Kind.AddressesOnly;
  if (at + PORTS_LENGTH > end) return Kind.Malformed;
  let kind: Kind = Kind.Normal;
  if (udpEncapPort !== 0 && protocol === IPPROTO_UDP && destinationPort(bytes, at) === udpEncapPort) {
    at += UDP_HEADER_LENGTH;
    if (at + PORTS_LENGTH > end) return Kind.Malformed;
    setProtocol(key, IPPROTO_SCTP);
    kind = Kind.UdpEncap;
  }
  key.transportAt = at;
  key.transportLength = end - at;
  const ports = key.bytes;
  ports[KEY_SOURCE_PORT] = bytes[at]!;
  ports[KEY_SOURCE_PORT + 1] = bytes[at + 1]!;
  ports[KEY_DESTINATION_PORT] = bytes[at + 2]!;
  ports[KEY_DESTINATION_PORT + 1] = bytes[at + 3]!;
  return kind;
}

/**
 * Protocol and ports of a packet quoted in an ICMP error. It travelled from a target to a client, so its ports are
 * swapped to give the key of the connection, and encapsulation shows in its *source* port.
 *
 * @param at where the quoted packet's header after its IP headers begins
 * @param end octet after the quote's last
 * @param portsQuoted false for a later fragment: what stands at `at` is data
 */
export function extractQuotedTransport(
  key: PacketKey,
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  portsQuoted: boolean,
  udpEncapPort: number,
): Kind {
  setProtocol(key, protocol);
  if (!hasPorts(protocol) || !portsQuoted) return Kind.IcmpInner;
  if (at + PORTS_LENGTH > end) return Kind.Malformed;
  if (udpEncapPort !== 0 && protocol === IPPROTO_UDP && sourcePort(bytes, at) === udpEncapPort) {
    at += UDP_HEADER_LENGTH;
    if (at + PORTS_LENGTH > end) return Kind.Malformed;
    setProtocol(key, IPPROTO_SCTP);
  }
  const ports = key.bytes;
  ports[KEY_SOURCE_PORT] = bytes[at + 2]!;
  ports[KEY_SOURCE_PORT + 1] = bytes[at + 3]!;
  ports[KEY_DESTINATION_PORT] = bytes[at]!;
  ports[KEY_DESTINATION_PORT + 1] = bytes[at + 1]!;
  return Kind.IcmpInner;
}
