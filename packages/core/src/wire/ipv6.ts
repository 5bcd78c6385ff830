// IPv6, RFC 8200 §3.
//
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |Version| Traffic Class |           Flow Label                  |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |         Payload Length        |  Next Header  |   Hop Limit   |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                                                               |
// +                         Source Address                        +
// |                          (128 bits)                           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                                                               |
// +                      Destination Address                      +
// |                          (128 bits)                           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// If IPV6_HEADER_LENGTH octets are available, no function here reads outside.

/** Length of the fixed header in octets. */
export const IPV6_HEADER_LENGTH = 40;

/** Offset of the source address; the destination address follows it. */
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;

/** Octets after the fixed header, extension headers included; 0 for a jumbogram (RFC 2675). */
export function payloadLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + 4]! << 8) | bytes[at + 5]!;
}

/** Number of the first extension header or protocol. */
export function nextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at + 6]!;
}
