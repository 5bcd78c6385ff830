import { internetChecksum } from '../packet-builder/checksum.js';
import { setU16, setU32 } from '../packet-builder/octets.js';
import { headerLength } from '../wire/ipv4.js';
import { IPV6_HEADER_LENGTH, nextHeader } from '../wire/ipv6.js';
import { extensionLength, extensionNextHeader, isExtension } from '../wire/ipv6-extension.js';
import { FRAGMENT_HEADER_LENGTH } from '../wire/ipv6-fragment.js';
import { IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from '../wire/protocol.js';

/** Offset of the next-header field in the IPv6 header (RFC 8200 §3); in extension headers, it is the first octet. */
const IPV6_NEXT_HEADER = 6;

/**
 * Fragments a packet like its sender (IPv6, RFC 8200 §4.5) or a router (IPv4, RFC 791 §3.2).
 *
 * @param mtu maximum length of a fragment in octets
 * @param id identification of the datagram: 16 bits in IPv4, 32 in IPv6
 * @returns the fragments in order, or just the packet if it is not longer than `mtu`
 */
export function fragments(packet: Uint8Array, mtu: number, id = 1): Uint8Array[] {
  if (packet.length <= mtu) return [packet];
  return packet[0]! >> 4 === 4 ? fragmentsV4(packet, mtu, id) : fragmentsV6(packet, mtu, id);
}

/** Copies the header, with its options, to every fragment: the builder's options are all no-operation. */
function fragmentsV4(packet: Uint8Array, mtu: number, id: number): Uint8Array[] {
  const header = packet.subarray(0, headerLength(packet, 0));
  return pieces(packet.subarray(header.length), mtu - header.length).map(({ data, offset, more }) => {
    const fragment = join(header, data);
    setU16(fragment, 2, fragment.length);
    setU16(fragment, 4, id);
    setU16(fragment, 6, (offset >> 3) | (more ? 0x2000 : 0));
    setU16(fragment, 10, 0);
    setU16(fragment, 10, internetChecksum(fragment.subarray(0, header.length)));
    return fragment;
  });
}

function fragmentsV6(packet: Uint8Array, mtu: number, id: number): Uint8Array[] {
  const { length, lastNextHeader } = unfragmentable(packet);
  const headers = packet.subarray(0, length);
  return pieces(packet.subarray(length), mtu - length - FRAGMENT_HEADER_LENGTH).map(({ data, offset, more }) => {
    const header = new Uint8Array(FRAGMENT_HEADER_LENGTH);
    header[0] = packet[lastNextHeader]!;
    setU16(header, 2, offset | (more ? 1 : 0));
    setU32(header, 4, id);
    const fragment = join(headers, header, data);
    fragment[lastNextHeader] = IPPROTO_FRAGMENT;
    setU16(fragment, 4, fragment.length - IPV6_HEADER_LENGTH);
    return fragment;
  });
}

/**
 * The headers at the beginning of every fragment: up to the routing header, or else up to the hop-by-hop options (RFC 8200 §4.5).
 *
 * @returns their length in octets, and the offset of the last next-header field
 */
function unfragmentable(packet: Uint8Array): { length: number; lastNextHeader: number } {
  let result = { length: IPV6_HEADER_LENGTH, lastNextHeader: IPV6_NEXT_HEADER };
  let header = nextHeader(packet, 0);
  for (let at = IPV6_HEADER_LENGTH; isExtension(header); ) {
    const length = extensionLength(packet, at);
    if (header === IPPROTO_HOPOPTS || header === IPPROTO_ROUTING) result = { length: at + length, lastNextHeader: at };
    header = extensionNextHeader(packet, at);
    at += length;
  }
  return result;
}

/** Splits `data` into pieces of at most `room` octets; the length of all but the last is a multiple of 8. */
function pieces(data: Uint8Array, room: number): { data: Uint8Array; offset: number; more: boolean }[] {
  const most = room & ~7;
  if (most < 8) throw new RangeError(`the MTU leaves ${room} octets for data, but a fragment needs at least 8`);
  const result = [];
  for (let offset = 0; offset < data.length; offset += most) {
    result.push({ data: data.subarray(offset, offset + most), offset, more: offset + most < data.length });
  }
  return result;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
