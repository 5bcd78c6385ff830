import { ADDRESS_LENGTH, formatIpAddress, IPV4_AT, isIpv4, parseIpAddress } from './ip-address.js';

/** Bits of an address. */
const ADDRESS_BITS: number = 8 * ADDRESS_LENGTH;

/** Bits before the IPv4 address in its mapped form: `10.0.0.0/8` has a prefix of 96 + 8 bits here. */
export const IPV4_PREFIX: number = 8 * IPV4_AT;

/**
 * A network, `10.0.0.0/8` or `2001:db8::/32`. It contains addresses of one family: IPv4 if `network` is an IPv4 address, so
 * `::ffff:10.0.0.0/104` is an IPv4 network, too.
 */
export interface Cidr {
  /** 16 octets; the bits after the prefix are zero. */
  readonly network: Uint8Array;
  /** Number of leading bits, of 128, that all its addresses share with `network`. */
  readonly prefixLength: number;
}

/** Parses a network and clears the bits after the prefix; `undefined` if `text` is not ADDRESS/PREFIX. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const notation = text.slice(0, slash);
  const address = parseIpAddress(notation);
  const prefixLength = parsePrefixLength(text.slice(slash + 1), notation);
  if (!address || prefixLength === undefined) return undefined;
  return { network: maskAddress(address, prefixLength), prefixLength };
}

/**
 * Error text for ADDRESS/PREFIX whose address has bits after the prefix: `10.0.0.1/24` may mean `10.0.0.0/24` or `10.0.0.1/32`. `undefined` if it
 * has none, or is not ADDRESS/PREFIX.
 */
export function hostBitsProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  const address = parseIpAddress(text.slice(0, text.indexOf('/')));
  if (!cidr || !address || samePrefix(cidr.network, address, ADDRESS_BITS)) return undefined;
  const single = formatCidr({ network: address, prefixLength: ADDRESS_BITS });
  return `has bits behind the prefix; must be ${formatCidr(cidr)}, or ${single} for the one address`;
}

/**
 * Parses the prefix length of `address`, both as text. Returns the number of bits of 128: `::ffff:10.0.0.0/104` is `10.0.0.0/8`. `undefined` if it
 * is invalid. Leading zeros are not allowed, for the same reason as in addresses.
 */
export function parsePrefixLength(text: string, address: string): number | undefined {
  const before = address.includes(':') ? 0 : IPV4_PREFIX;
  if (!/^(0|[1-9]\d{0,2})$/.test(text) || before + Number(text) > ADDRESS_BITS) return undefined;
  return before + Number(text);
}

/** The inverse of {@link parseCidr}: IPv4 networks have the prefix length of IPv4. */
export function formatCidr({ network, prefixLength }: Cidr): string {
  return `${formatIpAddress(network)}/${isIpv4(network) ? prefixLength - IPV4_PREFIX : prefixLength}`;
}

/** Whether `address` is in the network. An IPv4 address is in no IPv6 network, not even `::/0`, and vice versa. */
export function cidrContains(cidr: Cidr, address: Uint8Array): boolean {
  return isIpv4(cidr.network) === isIpv4(address) && samePrefix(cidr.network, address, cidr.prefixLength);
}

/** Whether two addresses have the same first `bits` bits. */
export function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}

/** A copy of the address with all bits after the first `bits` cleared. */
export function maskAddress(address: Uint8Array, bits: number): Uint8Array {
  const masked = new Uint8Array(ADDRESS_LENGTH);
  const whole = bits >> 3;
  masked.set(address.subarray(0, whole));
  if (whole < ADDRESS_LENGTH) masked[whole] = address[whole]! & (0xff00 >> (bits & 7));
  return masked;
}
