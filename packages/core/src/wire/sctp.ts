// The type of an SCTP packet's first chunk, RFC 9260 §3. Its ports are read by ports.ts.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |          Source Port          |       Destination Port        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                       Verification Tag                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                           Checksum                            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  Chunk Type   |  Chunk Flags  |         Chunk Length          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

const SCTP_CHUNK_TYPE = 12;

/** Octets that must be available for {@link firstChunkType}. */
export const SCTP_CHUNK_TYPE_LENGTH: number = SCTP_CHUNK_TYPE + 1;

// Chunk types (RFC 9260 §3.2). INIT, INIT ACK and SHUTDOWN COMPLETE are never bundled with others (§6.10). Other control chunks may come before ABORT
// (§3.3.7): an association that ends so is forgotten only when it has been silent for long.
export const SCTP_INIT = 1;
export const SCTP_ABORT = 6;
export const SCTP_SHUTDOWN_ACK = 8;
export const SCTP_SHUTDOWN_COMPLETE = 14;

export function firstChunkType(bytes: Uint8Array, at: number): number {
  return bytes[at + SCTP_CHUNK_TYPE]!;
}
