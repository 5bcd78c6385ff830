import { ETH_P_IP, IPV6_HEADER_LENGTH, payloadLength, totalLength } from '@nfqlb/core';

/** Octets of either header up to and including its length field. */
const LENGTH_FIELD_END = 6;

/**
 * How long a packet says it is, from its IP header on, in octets; 0 when it does not say: the field is cut off, or 0 as in a packet
 * that the network card has yet to segment, or in a jumbogram (RFC 2675).
 *
 * @param there octets of the packet that are there
 */
export function ipLength(bytes: Uint8Array, at: number, there: number, etherType: number): number {
  if (there < LENGTH_FIELD_END) return 0;
  if (etherType === ETH_P_IP) return totalLength(bytes, at);
  const payload = payloadLength(bytes, at);
  return payload === 0 ? 0 : payload + IPV6_HEADER_LENGTH;
}
