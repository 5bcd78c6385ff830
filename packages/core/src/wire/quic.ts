// The beginning of a QUIC long header: RFC 8999 §5.1 (all versions), RFC 9000 §17.2 (version 1), RFC 9369 §3.2 (version 2). The fields below are not
// protected, so that a server can read them before it knows the connection.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+
// |1|1|T T|X X X X|    T: the packet type
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         Version (32)                          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

/** Octets of a datagram's payload that carries an Initial packet of a client: RFC 9000 §14.1. A captured packet may have fewer. */
const QUIC_INITIAL_MIN_LENGTH = 1200;

/** Octets that must be available for {@link isQuicInitial}. */
export const QUIC_TYPE_LENGTH = 5;

const VERSION_1 = 0x00000001;
const VERSION_2 = 0x6b3343cf;

/**
 * Whether a UDP payload begins with an Initial packet, as a client's first does.
 *
 * @param length of the payload in octets, before it was truncated
 */
export function isQuicInitial(bytes: Uint8Array, at: number, length: number): boolean {
  if (length < QUIC_INITIAL_MIN_LENGTH) return false;
  // Version 2 numbers the types differently, so that nobody comes to depend on them.
  const type = bytes[at]! & 0xf0;
  const version = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
  return (type === 0xc0 && version === VERSION_1) || (type === 0xd0 && version === VERSION_2);
}
