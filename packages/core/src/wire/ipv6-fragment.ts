// The IPv6 fragment header, RFC 8200 §4.5.
//
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         Identification                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//
// With FRAGMENT_HEADER_LENGTH octets there, no reader here reads outside.

/** Octets of the header. */
export const FRAGMENT_HEADER_LENGTH = 8;

/** Where the four octets of the identification begin. */
export const FRAGMENT_IDENTIFICATION = 4;

export function fragmentNextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/** Where this fragment's data belongs in the fragmentable part, in octets. */
export function fragmentOffset(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 2]! << 8) | bytes[at + 3]!) & 0xfff8;
}

/** M: more fragments follow. */
export function moreFragments(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 3]! & 1) !== 0;
}
