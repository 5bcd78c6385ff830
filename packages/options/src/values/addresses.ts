// Addresses that packets are load-balanced for, and those of targets.

import { type Cidr, cidrContains, hostBitsProblem, IPV4_PREFIX, isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import { UsageError } from '../usage-error.js';

/** RFC 4291 §2.5.6. */
const LINK_LOCAL = parseCidr('fe80::/10')!;

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
  if (cidrContains(LINK_LOCAL, address)) {
    throw new UsageError(
      'invalid-value',
      'must not be link-local (fe80::/10), which is ambiguous without a device; must be an address such as 2001:db8::1 or fd00::1',
      { value: given },
    );
  }
  return address;
}
