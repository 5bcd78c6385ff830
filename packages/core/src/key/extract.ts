import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { extractIpv4 } from './extract-ipv4.js';
import { extractIpv6 } from './extract-ipv6.js';
import { Kind } from './kind.js';
import type { PacketKey } from './packet-key.js';

/**
 * Fills `key` from a packet and returns its kind. Never throws, never reads outside `bytes[at .. at + length)`, and terminates for every input.
 *
 * @param bytes region that contains the packet
 * @param at offset of its IP header
 * @param length octets of it that are available
 * @param etherType host byte order; neither IPv4 nor IPv6 is malformed
 * @param udpEncapPort UDP port that carries SCTP (RFC 6951); 0 for none
 */
export function extractKey(key: PacketKey, bytes: Uint8Array, at: number, length: number, etherType: number, udpEncapPort: number): Kind {
  key.clear();
  if (etherType === ETH_P_IP) return extractIpv4(key, bytes, at, at + length, udpEncapPort);
  if (etherType === ETH_P_IPV6) return extractIpv6(key, bytes, at, at + length, udpEncapPort);
  return Kind.Malformed;
}
