import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import {
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_HEADER_LENGTH,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  icmpType,
} from '../wire/icmp.js';
import { fragmentOffset, headerLength, IPV4_MIN_HEADER_LENGTH, protocol } from '../wire/ipv4.js';
import { IPV6_HEADER_LENGTH, nextHeader } from '../wire/ipv6.js';
import { EXTENSION_MIN_LENGTH, extensionLength, extensionNextHeader, isExtension } from '../wire/ipv6-extension.js';
import { FRAGMENT_HEADER_LENGTH, fragmentNextHeader, fragmentOffset as fragmentOffsetV6 } from '../wire/ipv6-fragment.js';
import { IPPROTO_FRAGMENT, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../wire/protocol.js';

const ICMP_ECHOREPLY = 0;
const ICMPV6_ECHO_REPLY = 129;

/** `ICMP_FRAG_NEEDED`, RFC 1191 §4: the next hop's MTU is in octets 6 and 7. */
const ICMP_FRAG_NEEDED = 4;

/** Offset of the ICMP message; −1 if the packet has none, or its ICMP header is incomplete. */
function icmpAt(bytes: Uint8Array, at: number, length: number, etherType: number): number {
  const end = at + length;
  const begin = etherType === ETH_P_IP ? afterIpv4(bytes, at, end) : etherType === ETH_P_IPV6 ? afterIpv6(bytes, at, end) : -1;
  return begin >= 0 && begin + ICMP_HEADER_LENGTH <= end ? begin : -1;
}

function afterIpv4(bytes: Uint8Array, at: number, end: number): number {
  if (at + IPV4_MIN_HEADER_LENGTH > end || protocol(bytes, at) !== IPPROTO_ICMP || fragmentOffset(bytes, at) !== 0) return -1;
  return at + headerLength(bytes, at);
}

function afterIpv6(bytes: Uint8Array, begin: number, end: number): number {
  if (begin + IPV6_HEADER_LENGTH > end) return -1;
  let header = nextHeader(bytes, begin);
  let at = begin + IPV6_HEADER_LENGTH;
  for (;;) {
    if (header === IPPROTO_ICMPV6) return at;
    if (isExtension(header)) {
      if (at + EXTENSION_MIN_LENGTH > end) return -1;
      header = extensionNextHeader(bytes, at);
      at += extensionLength(bytes, at);
    } else if (header === IPPROTO_FRAGMENT) {
      if (at + FRAGMENT_HEADER_LENGTH > end || fragmentOffsetV6(bytes, at) !== 0) return -1;
      header = fragmentNextHeader(bytes, at);
      at += FRAGMENT_HEADER_LENGTH;
    } else return -1;
  }
}

/**
 * Describes the ICMP message of a packet, such as `echo request id=7 seq=1` or `packet too big mtu=1400`; `undefined` if the packet has none, or its
 * ICMP header is incomplete. Reads nothing outside `bytes[at .. at + length)`.
 */
export function describeIcmp(bytes: Uint8Array, at: number, length: number, etherType: number): string | undefined {
  const begin = icmpAt(bytes, at, length, etherType);
  if (begin < 0) return undefined;
  const message: Message = {
    type: icmpType(bytes, begin),
    code: bytes[begin + 1]!,
    upper: u16(bytes, begin + 4),
    lower: u16(bytes, begin + 6),
  };
  return etherType === ETH_P_IP ? describeV4(message) : describeV6(message);
}

/** The fields of the first 8 octets; upper and lower are octets 4–5 and 6–7, in an echo its id and sequence number. */
interface Message {
  readonly type: number;
  readonly code: number;
  readonly upper: number;
  readonly lower: number;
}

const UNREACHABLE = ['net', 'host', 'protocol', 'port'];
const UNREACHABLE_V6 = ['no route', 'administratively prohibited', 'beyond scope of source address', 'address', 'port'];
const REDIRECT = ['net', 'host', 'type of service and net', 'type of service and host'];
const TIME_EXCEEDED = ['in transit', 'of reassembly'];

/** RFC 792, RFC 1191 §4. */
function describeV4({ type, code, upper, lower }: Message): string {
  switch (type) {
    case ICMP_ECHO:
      return `echo request id=${upper} seq=${lower}`;
    case ICMP_ECHOREPLY:
      return `echo reply id=${upper} seq=${lower}`;
    case ICMP_DEST_UNREACH:
      if (code === ICMP_FRAG_NEEDED) return `destination unreachable: fragmentation needed mtu=${lower}`;
      return `destination unreachable: ${UNREACHABLE[code] ?? `code ${code}`}`;
    case ICMP_SOURCE_QUENCH:
      return 'source quench';
    case ICMP_REDIRECT:
      return `redirect: ${REDIRECT[code] ?? `code ${code}`}`;
    case ICMP_TIME_EXCEEDED:
      return `time exceeded: ${TIME_EXCEEDED[code] ?? `code ${code}`}`;
    case ICMP_PARAMETERPROB:
      return `parameter problem: pointer=${upper >> 8}`;
    default:
      return `type ${type} code ${code}`;
  }
}

/** RFC 4443. */
function describeV6({ type, code, upper, lower }: Message): string {
  switch (type) {
    case ICMPV6_ECHO_REQUEST:
      return `echo request id=${upper} seq=${lower}`;
    case ICMPV6_ECHO_REPLY:
      return `echo reply id=${upper} seq=${lower}`;
    case ICMPV6_DEST_UNREACH:
      return `destination unreachable: ${UNREACHABLE_V6[code] ?? `code ${code}`}`;
    case ICMPV6_PKT_TOOBIG:
      return `packet too big mtu=${upper * 65536 + lower}`;
    case ICMPV6_TIME_EXCEED:
      return `time exceeded: ${TIME_EXCEEDED[code] ?? `code ${code}`}`;
    case ICMPV6_PARAMPROB:
      return `parameter problem: pointer=${upper * 65536 + lower}`;
    default:
      return `type ${type} code ${code}`;
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
