// What follows the IP headers, for both IPv4 and IPv6: ports, SCTP in UDP, and ICMP fields.

import { ICMP_ECHO_IDENTIFIER } from '../wire/icmp.js';
import { destinationPort, PORTS_LENGTH, sourcePort } from '../wire/ports.js';
import { hasPorts, IPPROTO_SCTP, IPPROTO_UDP } from '../wire/protocol.js';
import { UDP_HEADER_LENGTH } from '../wire/udp.js';
import { Kind } from './kind.js';
import { KEY_DESTINATION_PORT, KEY_ID, KEY_PROTOCOL, KEY_SOURCE_PORT, type PacketKey } from './packet-key.js';

/** Sets the protocol; the upper octet of its field stays 0. */
export function setProtocol(key: PacketKey, protocol: number): void {
  key.bytes[KEY_PROTOCOL] = protocol;
}

/** Marks an echo request, whose ICMP header is at `at`, and sets its identifier. */
export function setEchoId(key: PacketKey, bytes: Uint8Array, at: number): void {
  key.bytes[KEY_ID] = bytes[at + ICMP_ECHO_IDENTIFIER]!;
  key.bytes[KEY_ID + 1] = bytes[at + ICMP_ECHO_IDENTIFIER + 1]!;
  key.echoRequest = true;
}

/**
 * Extracts protocol and ports of a packet on its way to a target.
 *
 * @param at offset of the header after the IP headers
 * @param end offset after the packet
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
 * Extracts protocol and ports of a packet quoted in an ICMP error. It traveled from a target to a client, so its ports are swapped to get the key
 * of the connection, and encapsulation is recognized by its *source* port.
 *
 * @param at offset of the header after the quoted packet's IP headers
 * @param end offset after the quote
 * @param portsQuoted false for a later fragment, which has data at `at`
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
