// The key that everything is decided from, 40 octets:
//
//   0 +---------------------------------------------------------------+
//     |  source address: IPv6, or IPv4 as ::ffff:a.b.c.d              |
//  16 +---------------------------------------------------------------+
//     |  destination address, the same                                |
//  32 +---------------+---------------+---------------+---------------+
//     | (zero)        | protocol, LE  | source port   | dest. port    |
//  40 +---------------+---------------+---------------+---------------+
//
// Ports are as on the wire, the protocol is little-endian: the layout of a C struct on the machines that C nfqlb runs on,
// over which both programs hash. An ICMP echo id or a fragment id takes the place of octets 32 on, in wire order.
//
// Octets and 32-bit words are two views of one key, so the machine must be little-endian, as the shared memory must be.

import { djb2 } from '../hash/djb2.js';
import { halfSipHash } from '../hash/half-siphash.js';

export const KEY_LENGTH = 40;
export const KEY_SOURCE = 0;
export const KEY_DESTINATION = 16;
export const KEY_ID = 32;
export const KEY_PROTOCOL = 34;
export const KEY_SOURCE_PORT = 36;
export const KEY_DESTINATION_PORT = 38;

/** One key, filled again for every packet (extract.ts). */
export class PacketKey {
  readonly bytes: Uint8Array = new Uint8Array(KEY_LENGTH);

  /** {@link bytes} as words: clearing, hashing and filling these is faster, see each. */
  readonly words: Int32Array = new Int32Array(this.bytes.buffer);

  /**
   * Identification of the datagram that a fragment belongs to: its wire octets read little-endian, signed, as the key of
   * a later fragment has it in octets 32–35; 0 for every other kind. A first fragment needs both this and the ports.
   */
  fragmentId = 0;

  /** What else a fragment's datagram is told by: its protocol in IPv4 (RFC 791 §2.3), 0 in IPv6. Means nothing for what is no fragment. */
  fragmentProtocol = 0;

  /**
   * Which octets of its datagram a fragment carries, by its headers: from the first to before the end. Mean nothing for what is
   * no fragment.
   */
  fragmentBegin = 0;
  fragmentEnd = 0;

  /** Whether more fragments follow this one. */
  moreFragments = false;

  /**
   * Where the header that the ports are read from begins in the packet's region, and the octets from there to the packet's end.
   * The length is 0 where no such header is read in the direction that the packet goes: no ports, a later fragment, a quoted packet.
   */
  transportAt = 0;
  transportLength = 0;

  /** Whether it is an ICMP or ICMPv6 echo request: its id may be 0, so that the id does not tell. */
  echoRequest = false;

  /** Which IP family the addresses are of: 4 or 6; 0 before the first packet. Mapped IPv4 inside IPv6 counts as 6. */
  family = 0;

  /** The two addresses, 16 octets each: views of {@link bytes}. */
  readonly source: Uint8Array = this.bytes.subarray(KEY_SOURCE, KEY_DESTINATION);
  readonly destination: Uint8Array = this.bytes.subarray(KEY_DESTINATION, KEY_ID);

  /** Protocol number; of the quoted or encapsulated packet where the kind says so; 0 for a later fragment. */
  get protocol(): number {
    return this.bytes[KEY_PROTOCOL]! | (this.bytes[KEY_PROTOCOL + 1]! << 8);
  }

  get sourcePort(): number {
    return (this.bytes[KEY_SOURCE_PORT]! << 8) | this.bytes[KEY_SOURCE_PORT + 1]!;
  }

  get destinationPort(): number {
    return (this.bytes[KEY_DESTINATION_PORT]! << 8) | this.bytes[KEY_DESTINATION_PORT + 1]!;
  }

  /** Identifier of an echo request, host byte order. */
  get echoId(): number {
    return (this.bytes[KEY_ID]! << 8) | this.bytes[KEY_ID + 1]!;
  }

  /** Makes everything 0. By words: `bytes.fill(0)`, a call out of compiled code, costs a packet 10 ns more. */
  clear(): void {
    const words = this.words;
    for (let i = 0; i < KEY_LENGTH / 4; i++) words[i] = 0;
    this.fragmentId = 0;
    this.moreFragments = false;
    this.transportLength = 0;
    this.echoRequest = false;
  }

  /** Hash over the whole key, 32 bits signed, as all hashes here (djb2.ts). */
  hashAll(): number {
    return djb2(this.words, 0, KEY_LENGTH / 4);
  }

  /** Hash over the two addresses: what all fragments of a datagram have in common (the L3 hash). */
  hashAddresses(): number {
    return djb2(this.words, KEY_SOURCE / 4, KEY_ID / 4);
  }

  /**
   * Keyed hash of everything that identifies a fragment's datagram, for use within one program (docs/decisions/0004-fragment-hash.md). Of an
   * IPv4 address only the last word differs.
   *
   * @param k0 @param k1 the secret key, 64 bits: who doesn't know it can't choose datagrams that share a bucket
   */
  hashFragment(k0: number, k1: number): number {
    const ipv4 = this.family === 4;
    return halfSipHash(this.words, ipv4 ? 3 : 0, KEY_ID / 4, ipv4 ? 4 : 1, this.fragmentId, this.fragmentProtocol, k0, k1);
  }

  /** Hash over the two ports: what all paths of a multihomed SCTP association have in common (RFC 9260 §6.4). */
  hashPorts(): number {
    return djb2(this.words, KEY_SOURCE_PORT / 4, KEY_LENGTH / 4);
  }
}
