// The answer to an ICMP echo, RFC 792 and RFC 4443 §4.2: what was sent, octet for octet, but for type and checksum.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     Type      |     Code      |          Checksum             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           Identifier          |        Sequence Number        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |     Data ...

import { internetChecksum } from '@nfqlb/core/packet-builder';
import { afterIpHeader } from './raw-packet.js';

const ECHO_REPLY_V4 = 0;
const ECHO_REPLY_V6 = 129;
const IDENTIFIER = 4;

/**
 * Whether a packet from a raw socket is the reply to an echo. That it comes from where the echo went is up to the kernel: the socket is connected.
 *
 * @param echo what was sent, without an IP header
 */
export function isEchoReply(received: Buffer, echo: Uint8Array, isV4: boolean): boolean {
  const reply = afterIpHeader(received, isV4);
  return (
    reply.length === echo.length &&
    reply[0] === (isV4 ? ECHO_REPLY_V4 : ECHO_REPLY_V6) &&
    reply[1] === echo[1] &&
    reply.subarray(IDENTIFIER).equals(echo.subarray(IDENTIFIER)) &&
    // The kernel has checked ICMPv6's (RFC 3542 §3.1), but shows ICMP's packets to raw sockets before it does.
    (!isV4 || internetChecksum(reply) === 0)
  );
}
