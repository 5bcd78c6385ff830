// Addresses that packets are load-balanced for, and those of targets.

import { type Cidr, cidrContains, hostBitsProblem, IPV4_PREFIX, isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import { UsageError } from '../usage-error.js';

/** Ranges that no target is in, and why (RFC 6890; RFC 4291 §2.5 and §2.7). */
const NO_TARGETS = Object.entries({
  '0.0.0.0/8': 'unspecified (0.0.0.0/8)',
  '127.0.0.0/8': 'loopback (127.0.0.0/8)',
  '224.0.0.0/4': 'multicast (224.0.0.0/4)',
  '255.255.255.255/32': 'broadcast (255.255.255.255)',
  '::/128': 'unspecified (::)',
  '::1/128': 'loopback (::1)',
  'fe80::/10': 'link-local (fe80::/10), which is ambiguous without a device',
  'ff00::/8': 'multicast (ff00::/8)',
}).map(([range, what]) => ({ range: parseCidr(range)!, what }));

/** Reads a virtual address: `10.0.0.1/32`, `2001:db8::/112`. */
export function vip(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) {
    throw new UsageError('invalid-value', 'must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128, with its number of bits', {
      value: text,
    });
  }
  if (cidr.prefixLength === (isIpv4(cidr.network) ? IPV4_PREFIX : 0)) {
    throw new UsageError('invalid-value', 'must have at least one bit: otherwise every packet of this machine would be load-balanced', {
      value: text,
    });
  }
  const problem = hostBitsProblem(text);
  if (problem) throw new UsageError('invalid-value', problem, { value: text });
  return cidr;
}

/**
 * Reads a target's address, 16 octets.
 *
 * @param form what may be given, for the error
 * @param given what was given, if the address is only a part of it
 */
export function targetAddress(
  text: string,
  form = 'must be an address such as 192.168.1.1 or 2001:db8::1',
  given: string = text,
): Uint8Array {
  const address = parseIpAddress(text);
  if (!address) throw new UsageError('invalid-value', form, { value: given });
  const refused = NO_TARGETS.find(({ range }) => cidrContains(range, address));
  if (refused) throw new UsageError('invalid-value', `must not be ${refused.what}; ${form}`, { value: given });
  return address;
}
