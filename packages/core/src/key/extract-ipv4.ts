import { ICMP_ECHO, ICMP_HEADER_LENGTH, icmpType, quotesPacket } from '../wire/icmp.js';
import {
  fragmentOffset,
  headerLength,
  IPV4_DESTINATION,
  IPV4_MIN_HEADER_LENGTH,
  IPV4_SOURCE,
  isFragment,
  moreFragments,
  protocol,
  totalLength,
} from '../wire/ipv4.js';
import { IPPROTO_ICMP } from '../wire/protocol.js';
import { setFragment } from './extract-fragment.js';
import { extractQuotedTransport, extractTransport, setEchoId, setProtocol } from './extract-transport.js';
import { Kind } from './kind.js';
import { KEY_DESTINATION, KEY_ID, KEY_SOURCE, type PacketKey, wordAt } from './packet-key.js';

/** Offset of the identification in the header (RFC 791 §3.1); copied in wire order, not read as a number. */
const IPV4_IDENTIFICATION = 4;

/** The octets 00 00 ff ff before a mapped IPv4 address, as a word of the key. */
const MAPPED = 0xffff0000 | 0;

/** Like `extractKey`, for IPv4. `key` must be zero; `end` is the offset after the packet. */
export function extractIpv4(key: PacketKey, bytes: Uint8Array, at: number, end: number, udpEncapPort: number): Kind {
  if (at + IPV4_MIN_HEADER_LENGTH > end) return Kind.Malformed;
  const header = headerLength(bytes, at);
  if (header < IPV4_MIN_HEADER_LENGTH) return Kind.Malformed;
  key.family = 4;
  setAddress(key, KEY_SOURCE, bytes, at + IPV4_SOURCE);
  setAddress(key, KEY_DESTINATION, bytes, at + IPV4_DESTINATION);

  if (!isFragment(bytes, at)) return extractUnfragmented(key, bytes, at + header, end, protocol(bytes, at), udpEncapPort);

  const offset = fragmentOffset(bytes, at);
  const length = totalLength(bytes, at) - header;
  const id = bytes[at + IPV4_IDENTIFICATION]! | (bytes[at + IPV4_IDENTIFICATION + 1]! << 8);
  if (!setFragment(key, id, protocol(bytes, at), offset, length, moreFragments(bytes, at), header)) return Kind.Malformed;
  if (offset !== 0) {
    key.words[KEY_ID / 4] = id;
    return Kind.Fragment;
  }
  const kind = extractUnfragmented(key, bytes, at + header, end, protocol(bytes, at), udpEncapPort);
  // Routers do not send fragmented ICMP errors (RFC 1812 §4.3.2.3 limits their length).
  return kind === Kind.Malformed || kind === Kind.IcmpInner ? Kind.Malformed : Kind.FirstFragment;
}

function extractUnfragmented(key: PacketKey, bytes: Uint8Array, at: number, end: number, protocol: number, udpEncapPort: number): Kind {
  if (protocol !== IPPROTO_ICMP) return extractTransport(key, bytes, at, end, protocol, udpEncapPort);
  if (at + ICMP_HEADER_LENGTH > end) return Kind.Malformed;
  const type = icmpType(bytes, at);
  if (quotesPacket(type)) return extractQuoted(key, bytes, at + ICMP_HEADER_LENGTH, end, udpEncapPort);
  if (type === ICMP_ECHO) setEchoId(key, bytes, at);
  setProtocol(key, IPPROTO_ICMP);
  return Kind.Icmp;
}

function extractQuoted(key: PacketKey, bytes: Uint8Array, at: number, end: number, udpEncapPort: number): Kind {
  if (at + IPV4_MIN_HEADER_LENGTH > end) return Kind.Malformed;
  const header = headerLength(bytes, at);
  if (header < IPV4_MIN_HEADER_LENGTH) return Kind.Malformed;
  setAddress(key, KEY_SOURCE, bytes, at + IPV4_DESTINATION);
  setAddress(key, KEY_DESTINATION, bytes, at + IPV4_SOURCE);
  return extractQuotedTransport(key, bytes, at + header, end, protocol(bytes, at), fragmentOffset(bytes, at) === 0, udpEncapPort);
}

/** Writes the IPv4 address at `from` as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). The key must be zero. */
function setAddress(key: PacketKey, to: number, bytes: Uint8Array, from: number): void {
  const words = key.words;
  words[to / 4 + 2] = MAPPED;
  words[to / 4 + 3] = wordAt(bytes, from);
}
