import type { PacketKey } from './packet-key.js';

/** Longest datagram: the length field of either family has 16 bits (RFC 791 §3.1, RFC 8200 §3). */
const MAX_LENGTH = 0xffff;

/**
 * Notes which datagram a fragment belongs to, and which part of it that carries.
 *
 * @param id identification, its wire octets read little-endian
 * @param protocol what else tells datagrams apart: in IPv4 the protocol (RFC 791 §2.3), in IPv6 nothing (RFC 8200 §4.5), 0
 * @param offset octets of the datagram before it
 * @param length octets that it carries, by what its headers say
 * @param headers octets before them that the datagram's length counts
 * @returns false for a malformed fragment: its headers contradict each other, or it ends beyond the longest datagram
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
