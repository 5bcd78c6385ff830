import { IPV4_PREFIX, samePrefix } from '@nfqlb/core/address';
import type { WrittenAddress, WrittenCidr } from './written-address.js';

/**
 * Whether an address is in a network, as C's ipu has it: the family is the one it is written in (`10.0.0.1` is not in
 * `::ffff:10.0.0.0/104`), but a prefix of no bits contains everything, of either family.
 */
export function contains(cidr: WrittenCidr, address: WrittenAddress): boolean {
  if (cidr.prefixLength === (cidr.isIpv6 ? 0 : IPV4_PREFIX)) return true;
  return cidr.isIpv6 === address.isIpv6 && samePrefix(cidr.octets, address.octets, cidr.prefixLength);
}
