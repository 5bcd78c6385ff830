// ICMP, RFC 792, and ICMPv6, RFC 4443 §2.1: the same format, two sets of types.
//
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     Type      |     Code      |          Checksum             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |       echo: Identifier        |    echo: Sequence Number      |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     error: the packet that it is about, with its IP header    |
//
// If ICMP_HEADER_LENGTH octets are available, no function here reads outside.

/** Octets before an echo's data or an error's quote. */
export const ICMP_HEADER_LENGTH = 8;

/** Offset of an echo's identifier, two octets. */
export const ICMP_ECHO_IDENTIFIER = 4;

export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;

export function icmpType(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/** Whether an ICMP message of this type quotes the packet that it is about (RFC 792). */
export function quotesPacket(type: number): boolean {
  return (
    type === ICMP_DEST_UNREACH ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETERPROB
  );
}

/** Whether an ICMPv6 message of this type quotes the packet that it is about (RFC 4443 §3). */
export function quotesPacketV6(type: number): boolean {
  return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
}
