import { formatIpAddress, formatIpv6, IPV4_PREFIX, maskAddress } from '@nfqlb/core/address';
import { UsageError } from '@nfqlb/options';
import type { SegmentedCidr } from './written-address.js';

/** The options of `makeip`. */
export interface MakeIpOptions {
  readonly cidr: SegmentedCidr;
  /** Number for the first slot. */
  readonly net: bigint;
  /** Number for the second slot. */
  readonly host: bigint;
  /** Which of the two prefix lengths to print after the address; none when absent. */
  readonly subnet?: '1' | '2';
  /** Address whose last 32 bits the IPv4 address replaces. */
  readonly ipv6template?: Uint8Array;
}

/**
 * The address with two numbers in the slots of a segmented CIDR, as text.
 *
 * @throws {@link UsageError} `invalid-value` for a number that its slot cannot hold
 */
export function makeIp({ cidr, net, host, subnet, ipv6template }: MakeIpOptions): string {
  const { isIpv6, prefixLength, secondLength } = cidr;
  if (isIpv6 && ipv6template) {
    throw new UsageError('invalid-value', `needs an IPv4 --cidr, not ${cidr.text}`, { option: '--ipv6template' });
  }
  const hostBits = 128 - secondLength;
  const slots = (slot('--net', net, secondLength - prefixLength, cidr) << BigInt(hostBits)) | slot('--host', host, hostBits, cidr);
  const address = toOctets(toBigInt(maskAddress(cidr.octets, prefixLength)) | slots);
  if (ipv6template) address.set(ipv6template.subarray(0, IPV4_PREFIX / 8));

  const asIpv4 = !isIpv6 && !ipv6template;
  const text = asIpv4 ? formatIpAddress(address) : formatIpv6(address);
  if (subnet === undefined) return text;
  const bits = subnet === '1' ? prefixLength : secondLength;
  return `${text}/${asIpv4 ? bits - IPV4_PREFIX : bits}`;
}

/** Reads the number for a slot. How large it may be depends on the CIDR. */
export function slotNumber(text: string): bigint {
  if (!/^\d+$/.test(text))
    throw new UsageError('invalid-value', 'must be a whole number that fits into its slot of --cidr', { value: text });
  return BigInt(text);
}

function slot(option: string, value: bigint, bits: number, { text }: SegmentedCidr): bigint {
  if (value >> BigInt(bits) === 0n) return value;
  const allowed = `must be a whole number from 0 to ${(1n << BigInt(bits)) - 1n}: ${text} has ${bits} bits for it`;
  throw new UsageError('invalid-value', allowed, { option, value: String(value) });
}

function toBigInt(octets: Uint8Array): bigint {
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function toOctets(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * (15 - i))) & 0xffn));
}
