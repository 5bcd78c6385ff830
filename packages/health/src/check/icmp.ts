// ICMP echo, RFC 792, and ICMPv6 echo, RFC 4443 §4.

import { randomBytes } from 'node:crypto';
import { packet } from '@nfqlb/core/packet-builder';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { afterIpHeader, WITHOUT_IP_HEADER } from './raw-packet.js';

const ECHO_REPLY_V4 = 0;
const ECHO_REPLY_V6 = 129;
const ECHO_LENGTH = 8;

/** Of this process; random numbers for each check would take as long as sending it. */
const PREFIX = randomBytes(8);
let count = 0;

/** What tells an echo from all others: several raw sockets see the same answers. */
function nextToken(): Buffer {
  const token = Buffer.alloc(16);
  PREFIX.copy(token);
  token.writeDoubleBE(count++, 8);
  return token;
}

/** Passes when the echo comes back. */
export async function checkIcmp(to: Destination, poll: SocketPoll): Promise<void> {
  const isV4 = to.address.length === 4;
  const socket = new CheckSocket('icmp', 0, to, poll);
  try {
    const token = nextToken();
    // The kernel fills in ICMPv6's checksum, which covers the addresses (RFC 3542 §3.1).
    const from = packet().ipv4('0.0.0.0', '0.0.0.0');
    const echo = from
      .icmpEcho(process.pid & 0xffff)
      .payload(token)
      .build()
      .subarray(WITHOUT_IP_HEADER);
    if (!isV4) echo[0] = 128;
    socket.write(echo);
    const buffer = Buffer.allocUnsafe(256);
    for (;;) {
      const answer = afterIpHeader(buffer.subarray(0, await socket.read(buffer)), isV4);
      const type = isV4 ? ECHO_REPLY_V4 : ECHO_REPLY_V6;
      if (answer.length >= ECHO_LENGTH && answer[0] === type && token.equals(answer.subarray(ECHO_LENGTH))) return;
    }
  } finally {
    socket.close();
  }
}
