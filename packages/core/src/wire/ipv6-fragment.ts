// The IPv6 fragment header, RFC 8200 §4.5.
//
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         Identification                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// If FRAGMENT_HEADER_LENGTH octets are available, no function here reads outside.

/** Length of the header in octets. */
export const FRAGMENT_HEADER_LENGTH = 8;

/** Offset of the identification, four octets. */
export const FRAGMENT_IDENTIFICATION = 4;

export function fragmentNextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/** Offset of this fragment's data in the fragmentable part, in octets. */
export function fragmentOffset(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 2]! << 8) | bytes[at + 3]!) & 0xfff8;
}

/** M: more fragments follow. */
export function moreFragments(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 3]! & 1) !== 0;
}
