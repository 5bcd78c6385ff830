import { formatIpv6 } from '@nfqlb/core/address';
import { UsageError } from '@nfqlb/options';

/** Octets of a MAC address. */
export function macAddress(text: string): number[] {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) {
    throw new UsageError('invalid-value', 'must be six octets in hexadecimal with colons between them, such as 00:16:3e:12:34:56', {
      value: text,
    });
  }
  return text.split(':').map((octet) => Number.parseInt(octet, 16));
}

/** The link-local address that an interface forms from its MAC address: fe80::/64 and the modified EUI-64 (RFC 4291 §2.5.6, appendix A). */
export function linkLocal(mac: readonly number[]): string {
  const [a, b, c, d, e, f] = mac as [number, number, number, number, number, number];
  return formatIpv6(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, d, e, f));
}
