import { ETH_P_IP } from './ethertype.js';
import { totalLength } from './ipv4.js';
import { IPV6_HEADER_LENGTH, payloadLength } from './ipv6.js';

/**
 * Octets of the whole packet, of this fragment if it is one, as its IP header says: more than are there when it was cut off.
 *
 * @param at where the IP header begins; all of it must be there
 */
export function packetLength(bytes: Uint8Array, at: number, etherType: number): number {
  return etherType === ETH_P_IP ? totalLength(bytes, at) : IPV6_HEADER_LENGTH + payloadLength(bytes, at);
}
