// ICMP echo, RFC 792, and ICMPv6 echo, RFC 4443 §4.

import { randomBytes } from 'node:crypto';
import { packet } from '@nfqlb/core/packet-builder';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { isEchoReply } from './echo-reply.js';
import { WITHOUT_IP_HEADER } from './raw-packet.js';

const ECHO_V6 = 128;

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
    // The kernel fills in ICMPv6's checksum, which covers the addresses (RFC 3542 §3.1).
    const from = packet().ipv4('0.0.0.0', '0.0.0.0');
    const echo = from
      .icmpEcho(process.pid & 0xffff)
      .payload(nextToken())
      .build()
      .subarray(WITHOUT_IP_HEADER);
    if (!isV4) echo[0] = ECHO_V6;
    socket.write(echo);
    const buffer = Buffer.allocUnsafe(256);
    while (!isEchoReply(buffer.subarray(0, await socket.read(buffer)), echo, isV4));
  } finally {
    socket.close();
  }
}
