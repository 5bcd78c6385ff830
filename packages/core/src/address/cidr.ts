import { ADDRESS_LENGTH, formatIpAddress, IPV4_AT, isIpv4, parseIpAddress } from './ip-address.js';

/** Bits of an address. */
export const ADDRESS_BITS: number = 8 * ADDRESS_LENGTH;

/** Bits before an IPv4 address, in its mapped form: `10.0.0.0/8` has a prefix of 96 + 8 bits here. */
export const IPV4_PREFIX: number = 8 * IPV4_AT;

/**
 * A network, `10.0.0.0/8` or `2001:db8::/32`. It holds addresses of one family: of IPv4 if `network` is an IPv4 address,
 * which is also what `::ffff:10.0.0.0/104` says.
 */
export interface Cidr {
  /** 16 octets; the bits behind the prefix are zero. */
  readonly network: Uint8Array;
  /** Leading bits of the 128 that an address in it has in common with `network`. */
  readonly prefixLength: number;
}

/** The network that `text` says, bits behind the prefix cleared; `undefined` if it is not ADDRESS/PREFIX. */
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
 * What is wrong with ADDRESS/PREFIX where its address has bits behind the prefix, for a message that names it: `10.0.0.1/24` may be meant
 * as `10.0.0.0/24` or as `10.0.0.1/32`. `undefined` where it has none, or is not ADDRESS/PREFIX.
 */
export function hostBitsProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  const address = parseIpAddress(text.slice(0, text.indexOf('/')));
  if (!cidr || !address || samePrefix(cidr.network, address, ADDRESS_BITS)) return undefined;
  const single = formatCidr({ network: address, prefixLength: ADDRESS_BITS });
  return `has bits behind the prefix; must be ${formatCidr(cidr)}, or ${single} for the one address`;
}

/**
 * Bits of the 128 that a prefix length means behind `address`, which is given as text: `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
 * `undefined` if it is none. No leading zeros, for the reason that an address has none.
 */
export function parsePrefixLength(text: string, address: string): number | undefined {
  const before = address.includes(':') ? 0 : IPV4_PREFIX;
  if (!/^(0|[1-9]\d{0,2})$/.test(text) || before + Number(text) > ADDRESS_BITS) return undefined;
  return before + Number(text);
}

/** The form that is read by {@link parseCidr}: IPv4 with its own prefix length. */
export function formatCidr({ network, prefixLength }: Cidr): string {
  return `${formatIpAddress(network)}/${isIpv4(network) ? prefixLength - IPV4_PREFIX : prefixLength}`;
}

/** Whether `address` is in the network. An IPv4 address is in no IPv6 network, `::/0` included, and the other way round. */
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

/** The address with all behind the first `bits` bits cleared; a new array. */
export function maskAddress(address: Uint8Array, bits: number): Uint8Array {
  const masked = new Uint8Array(ADDRESS_LENGTH);
  const whole = bits >> 3;
  masked.set(address.subarray(0, whole));
  if (whole < ADDRESS_LENGTH) masked[whole] = address[whole]! & (0xff00 >> (bits & 7));
  return masked;
}
