import { IPV4_PREFIX, samePrefix } from '@nfqlb/core/address';
import type { WrittenAddress, WrittenCidr } from './written-address.js';

/**
 * Whether an address is in a network, by the rules of C's ipu: the notation determines the family (`10.0.0.1` is not in
 * `::ffff:10.0.0.0/104`), but a prefix of 0 bits contains all addresses of both families.
 */
export function contains(cidr: WrittenCidr, address: WrittenAddress): boolean {
  if (cidr.prefixLength === (cidr.isIpv6 ? 0 : IPV4_PREFIX)) return true;
  return cidr.isIpv6 === address.isIpv6 && samePrefix(cidr.octets, address.octets, cidr.prefixLength);
}
