import { ETH_P_IP, IPV6_HEADER_LENGTH, payloadLength, totalLength } from '@nfqlb/core';

/** Octets of an IPv4 or IPv6 header up to and including its length field. */
const LENGTH_FIELD_END = 6;

/**
 * Length of a packet according to its IP header, in octets; 0 if unknown: the field is cut off, or 0 as in a packet not yet segmented by
 * the network card, or in a jumbogram (RFC 2675).
 *
 * @param available captured octets of the packet
 */
export function ipLength(bytes: Uint8Array, at: number, available: number, etherType: number): number {
  if (available < LENGTH_FIELD_END) return 0;
  if (etherType === ETH_P_IP) return totalLength(bytes, at);
  const payload = payloadLength(bytes, at);
  return payload === 0 ? 0 : payload + IPV6_HEADER_LENGTH;
}
