// The answer to an SCTP INIT, RFC 9260 §3.1 and §3.3.3: an INIT ACK, or an ABORT.
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
// |     Type      |  Chunk Flags  |         Chunk Length          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         Initiate Tag                          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     window, streams, first TSN; parameters ...

import { crc32c } from '@nfqlb/core/packet-builder';
import { afterIpHeader } from './raw-packet.js';

// RFC 9260 §3.2
const INIT_ACK = 2;
const ABORT = 6;

const VERIFICATION_TAG = 4;
const CHECKSUM = 8;
const CHUNK = 12;
const CHUNK_LENGTH = CHUNK + 2;
const INITIATE_TAG = CHUNK + 4;

/** Octets of an INIT ACK without parameters, and of an ABORT without causes. */
const LEAST_INIT_ACK = 20;
const LEAST_ABORT = 4;

/** What tells an INIT from all others. */
export interface SentInit {
  readonly port: number;
  readonly ownPort: number;
  readonly tag: number;
}

/** `peerTag` is that of packets to the server. */
export type InitAnswer = { readonly kind: 'accepted'; readonly peerTag: number } | { readonly kind: 'refused' };

/**
 * What a packet from a raw socket says to an INIT; `undefined` if it is no answer to it. That it comes from where the INIT went is up to the kernel: the
 * socket is connected.
 */
export function readInitAnswer(received: Buffer, { port, ownPort, tag }: SentInit, isV4: boolean): InitAnswer | undefined {
  const answer = afterIpHeader(received, isV4);
  const isOurs =
    answer.length >= INITIATE_TAG &&
    answer.readUInt16BE(0) === port &&
    answer.readUInt16BE(2) === ownPort &&
    answer.readUInt32BE(VERIFICATION_TAG) === tag &&
    isWhole(answer);
  if (!isOurs) return undefined;
  const length = answer.readUInt16BE(CHUNK_LENGTH);
  if (CHUNK + length > answer.length) return undefined;
  if (answer[CHUNK] === ABORT && length >= LEAST_ABORT) return { kind: 'refused' };
  if (answer[CHUNK] !== INIT_ACK || length < LEAST_INIT_ACK) return undefined;
  // "MUST NOT take the value 0".
  const peerTag = answer.readUInt32BE(INITIATE_TAG);
  return peerTag === 0 ? undefined : { kind: 'accepted', peerTag };
}

/**
 * Raw sockets see packets whose checksum nobody has checked. Linux leaves it 0 for network devices to fill in, which those between namespaces of a machine do
 * not (NETIF_F_SCTP_CRC of veth).
 */
function isWhole(answer: Buffer): boolean {
  const checksum = answer.readUInt32LE(CHECKSUM);
  if (checksum === 0) return true;
  const zeroed = Buffer.from(answer);
  zeroed.writeUInt32LE(0, CHECKSUM);
  return crc32c(zeroed) === checksum;
}
