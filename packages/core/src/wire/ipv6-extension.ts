// IPv6 extension headers of the common form, RFC 8200 §4.3 (hop-by-hop options), §4.4 (routing), §4.6 (destination options).
//
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  Next Header  |  Hdr Ext Len  |                               |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
// |                            Options                            |
//
// AH and ESP are not included: what follows them cannot be read, so parsing ends there.

import { IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from './protocol.js';

/** Minimum length of an extension header in octets; if these are available, no function here reads outside. */
export const EXTENSION_MIN_LENGTH = 8;

/** Whether `header` is an extension header of the common form. The fragment header (ipv6-fragment.ts) is not. */
export function isExtension(header: number): boolean {
  return header === IPPROTO_HOPOPTS || header === IPPROTO_ROUTING || header === IPPROTO_DSTOPTS;
}

export function extensionNextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/**
 * Length of this header in octets, 8 to 2048: `Hdr Ext Len` counts units of 8 octets beyond the first 8.
 * It is never 0, so that parsing always advances.
 */
export function extensionLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! + 1) << 3;
}
