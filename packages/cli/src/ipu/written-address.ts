import { parseIpAddress, parsePrefixLength } from '@nfqlb/core/address';
import { UsageError } from '@nfqlb/options';

/** An address and its notation: ipu prints `::ffff:10.0.0.1` in IPv6 notation, as given. */
export interface WrittenAddress {
  /** 16 octets. */
  readonly octets: Uint8Array;
  readonly isIpv6: boolean;
}

/** An address and a prefix length: out of 128 bits, even for IPv4. */
export interface WrittenCidr extends WrittenAddress {
  readonly prefixLength: number;
}

/** Two slots for numbers: `192.168.128.0/17/24` has the first one after bit 17 and the second one after bit 24. */
export interface SegmentedCidr extends WrittenCidr {
  readonly text: string;
  /** Number of bits before the second slot, out of 128. */
  readonly secondLength: number;
}

/** Reads an address of either family. */
export function writtenAddress(text: string): WrittenAddress {
  const octets = parseIpAddress(text);
  if (!octets) throw new UsageError('invalid-value', 'must be an IPv4 or IPv6 address', { value: text });
  return { octets, isIpv6: text.includes(':') };
}

/** Reads an IPv6 address. */
export function ipv6Address(text: string): Uint8Array {
  const octets = text.includes(':') ? parseIpAddress(text) : undefined;
  if (!octets) throw new UsageError('invalid-value', 'must be an IPv6 address', { value: text });
  return octets;
}

/** Reads `10.0.0.0/8`. */
export function writtenCidr(text: string): WrittenCidr {
  const cidr = parseWithPrefixes(text);
  if (cidr?.prefixes.length !== 1) {
    throw new UsageError('invalid-value', 'must be ADDRESS/BITS such as 10.0.0.0/8, with 0 to 32 bits or for IPv6 0 to 128', {
      value: text,
    });
  }
  return { ...cidr.address, prefixLength: cidr.prefixes[0]! };
}

/** Reads `10.0.0.0/16/24`; `10.0.0.0/16` has no first slot. */
export function segmentedCidr(text: string): SegmentedCidr {
  const cidr = parseWithPrefixes(text);
  const [prefixLength = Number.NaN, secondLength = prefixLength, more] = cidr?.prefixes ?? [];
  if (!cidr || !(prefixLength <= secondLength) || more !== undefined) {
    const allowed =
      'must be ADDRESS/BITS/BITS such as 10.0.0.0/16/24, with 0 to 32 bits or for IPv6 0 to 128, the second not below the first';
    throw new UsageError('invalid-value', allowed, { value: text });
  }
  return { ...cidr.address, text, prefixLength, secondLength };
}

/** Parses an address followed by any number of prefix lengths. */
function parseWithPrefixes(text: string): { address: WrittenAddress; prefixes: number[] } | undefined {
  const [written = '', ...suffixes] = text.split('/');
  const octets = parseIpAddress(written);
  const prefixes = suffixes.map((prefix) => parsePrefixLength(prefix, written)).filter((prefix) => prefix !== undefined);
  if (!octets || prefixes.length < suffixes.length) return undefined;
  return { address: { octets, isIpv6: written.includes(':') }, prefixes };
}
