import type { PacketKey } from './packet-key.js';

/** Maximum datagram length: the length field of both families has 16 bits (RFC 791 §3.1, RFC 8200 §3). */
const MAX_LENGTH = 0xffff;

/**
 * Stores in the key which datagram a fragment belongs to, and which part of the datagram it carries.
 *
 * @param id identification: its wire octets, read as little-endian
 * @param protocol also identifies IPv4 datagrams (RFC 791 §2.3); 0 for IPv6 (RFC 8200 §4.5)
 * @param offset of the fragment in the datagram, in octets
 * @param length octets that it carries, according to its headers
 * @param headers length of the headers that count toward the datagram's length, in octets
 * @returns false for a malformed fragment: its headers are inconsistent, or it ends beyond the maximum datagram length
 */
export function setFragment(
  key: PacketKey,
  id: number,
  protocol: number,
  offset: number,
  length: number,
  more: boolean,
  headers: number,
): boolean {
  key.fragmentId = id;
  key.fragmentProtocol = protocol;
  key.fragmentBegin = offset;
  key.fragmentEnd = offset + length;
  key.moreFragments = more;
  return length >= 0 && headers + offset + length <= MAX_LENGTH;
}
