import { ETH_P_IP } from './ethertype.js';
import { totalLength } from './ipv4.js';
import { IPV6_HEADER_LENGTH, payloadLength } from './ipv6.js';

/**
 * Length of the packet, or of this fragment, according to its IP header, in octets: greater than what is available if it was truncated.
 *
 * @param at offset of the IP header, which must be complete
 */
export function packetLength(bytes: Uint8Array, at: number, etherType: number): number {
  return etherType === ETH_P_IP ? totalLength(bytes, at) : IPV6_HEADER_LENGTH + payloadLength(bytes, at);
}
