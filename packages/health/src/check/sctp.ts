// The beginning of an SCTP association, RFC 9260 §5.1, over a raw socket: the kernel need not have SCTP.

import { randomBytes, randomInt } from 'node:crypto';
import { packet } from '@nfqlb/core/packet-builder';
import type { SctpCheck } from '../settings/health-settings.js';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { readInitAnswer } from './init-answer.js';
import { CheckFailure } from './outcome.js';
import { WITHOUT_IP_HEADER } from './raw-packet.js';

// RFC 9260 §3.2
const INIT = 1;
const ABORT = 6;

/** An INIT ACK has a cookie and parameters of any length; one that was cut would have a wrong checksum. */
const MAX_PACKET = 65_535;

/**
 * Passes when an INIT is answered by an INIT ACK. The server remembers nothing of it: the state is in the cookie (§5.1.3), which is not sent back; the
 * ABORT is for servers that do.
 */
export async function checkSctp({ port }: SctpCheck, to: Destination, poll: SocketPoll): Promise<void> {
  const isV4 = to.address.length === 4;
  const socket = new CheckSocket('sctp', 0, to, poll);
  try {
    // The dynamic ports (RFC 6335 §6). Raw sockets take no port from the kernel, and ports need not be unique: the tag is.
    const ownPort = randomInt(49_152, 65_536);
    const tag = randomInt(1, 0x1_0000_0000);
    const send = (peerTag: number, chunk: Uint8Array): void =>
      socket.write(
        packet().ipv4('0.0.0.0', '0.0.0.0').sctp(ownPort, port, { tag: peerTag }).payload(chunk).build().subarray(WITHOUT_IP_HEADER),
      );
    send(0, initChunk(tag));
    const buffer = Buffer.allocUnsafe(MAX_PACKET);
    for (;;) {
      const answer = readInitAnswer(buffer.subarray(0, await socket.read(buffer)), { port, ownPort, tag }, isV4);
      if (answer === undefined) continue;
      if (answer.kind === 'refused') throw new CheckFailure('association refused');
      send(answer.peerTag, Uint8Array.of(ABORT, 0, 0, 4));
      return;
    }
  } finally {
    socket.close();
  }
}

/** §3.3.2: tag, receive window, streams out and in, first TSN. */
function initChunk(tag: number): Uint8Array {
  const chunk = Buffer.alloc(20);
  chunk[0] = INIT;
  chunk.writeUInt16BE(chunk.length, 2);
  chunk.writeUInt32BE(tag, 4);
  chunk.writeUInt32BE(65_536, 8);
  chunk.writeUInt16BE(1, 12);
  chunk.writeUInt16BE(1, 14);
  randomBytes(4).copy(chunk, 16);
  return chunk;
}
