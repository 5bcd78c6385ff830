// IPv4, RFC 791 §3.1.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |Version|  IHL  |Type of Service|          Total Length         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |         Identification        |Flags|      Fragment Offset    |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  Time to Live |    Protocol   |         Header Checksum       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                       Source Address                          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                    Destination Address                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                    Options                    |    Padding    |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// The functions take the region and the offset of the header, and check nothing: if IPV4_MIN_HEADER_LENGTH octets are available, none reads
// outside.

/** Length of a header without options, in octets. */
export const IPV4_MIN_HEADER_LENGTH = 20;

/** Offset of the source address; the destination address follows it. */
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;

/** Header length in octets: 0 to 60. If it is below {@link IPV4_MIN_HEADER_LENGTH}, the packet is malformed. */
export function headerLength(bytes: Uint8Array, at: number): number {
  return (bytes[at]! & 0x0f) << 2;
}

/** Length of header and data in octets, of this fragment if it is one. */
export function totalLength(bytes: Uint8Array, at: number): number {
  return (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Offset of this fragment's data in the datagram, in octets. */
export function fragmentOffset(bytes: Uint8Array, at: number): number {
  return (((bytes[at + 6]! & 0x1f) << 8) | bytes[at + 7]!) << 3;
}

/** MF: more fragments follow. */
export function moreFragments(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 6]! & 0x20) !== 0;
}

/** Whether the packet is a fragment, first or not: MF=1 or offset≠0. */
export function isFragment(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at + 6]! & 0x3f) | bytes[at + 7]!) !== 0;
}

/** Protocol number of the data. */
export function protocol(bytes: Uint8Array, at: number): number {
  return bytes[at + 9]!;
}
