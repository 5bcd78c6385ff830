// The key that all decisions are based on, 40 octets:
//
//   0 +---------------------------------------------------------------+
//     |  source address: IPv6, or IPv4 as ::ffff:a.b.c.d              |
//  16 +---------------------------------------------------------------+
//     |  destination address, the same                                |
//  32 +---------------+---------------+---------------+---------------+
//     | (zero)        | protocol, LE  | source port   | dest. port    |
//  40 +---------------+---------------+---------------+---------------+
//
// Ports are as on the wire, the protocol is little-endian: the layout of the C struct that C nfqlb hashes, on the machines that it runs on. An
// ICMP echo id or a fragment id is stored from octet 32 on, in wire order.
//
// Octets and 32-bit words are two views of the same key, so the machine must be little-endian, as for the shared memory.

import { djb2 } from '../hash/djb2.js';
import { halfSipHash } from '../hash/half-siphash.js';
import { tabulate, WORD_TABLES } from '../hash/tabulation.js';

export const KEY_LENGTH = 40;
/** Words that {@link PacketKey.hashClient} hashes: ports, protocol, source address. */
export const CLIENT_WORDS = 6;
export const KEY_SOURCE = 0;
export const KEY_DESTINATION = 16;
export const KEY_ID = 32;
export const KEY_PROTOCOL = 34;
export const KEY_SOURCE_PORT = 36;
export const KEY_DESTINATION_PORT = 38;

/** A key, which is refilled for each packet (extract.ts). */
export class PacketKey {
  readonly bytes: Uint8Array = new Uint8Array(KEY_LENGTH);

  /** {@link bytes} as words, which are faster to clear, hash and fill. */
  readonly words: Int32Array = new Int32Array(this.bytes.buffer);

  /**
   * Identification of a fragment's datagram: its wire octets read as little-endian, signed, as in octets 32–35 of the key of a later fragment; 0 for
   * unfragmented packets. A first fragment needs both this and the ports.
   */
  fragmentId = 0;

  /** Also identifies a fragment's datagram: its protocol in IPv4 (RFC 791 §2.3), 0 in IPv6. Valid only for fragments. */
  fragmentProtocol = 0;

  /**
   * Which octets of its datagram a fragment carries, according to its headers: from begin, inclusive, to end, exclusive. Valid only for fragments.
   */
  fragmentBegin = 0;
  fragmentEnd = 0;

  /** Whether more fragments follow this one. */
  moreFragments = false;

  /**
   * Offset in the region of the header that contains the ports, and the octets from there to the packet's end. The length is 0 without such a header
   * (no ports, a later fragment), and for a quoted packet, which traveled the other way.
   */
  transportAt = 0;
  transportLength = 0;

  /** Whether it is an ICMP or ICMPv6 echo request. The id does not show this, because it may be 0. */
  echoRequest = false;

  /** IP family of the addresses: 4 or 6; 0 before the first packet. Mapped IPv4 addresses in IPv6 packets count as 6. */
  family = 0;

  /** The two addresses, 16 octets each: views of {@link bytes}. */
  readonly source: Uint8Array = this.bytes.subarray(KEY_SOURCE, KEY_DESTINATION);
  readonly destination: Uint8Array = this.bytes.subarray(KEY_DESTINATION, KEY_ID);

  /** Protocol number; of the quoted or encapsulated packet, depending on the kind; 0 for a later fragment. */
  get protocol(): number {
    return this.words[KEY_ID / 4]! >>> 16;
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

  /** Sets everything to 0. By words, because `bytes.fill(0)`, a call out of compiled code, costs 10 ns more per packet. */
  clear(): void {
    const words = this.words;
    for (let i = 0; i < KEY_LENGTH / 4; i++) words[i] = 0;
    this.fragmentId = 0;
    this.moreFragments = false;
    this.transportLength = 0;
    this.echoRequest = false;
  }

  /** Hash of the whole key, 32 bits, signed, like all hashes here (djb2.ts). */
  hashAll(): number {
    return djb2(this.words, 0, KEY_LENGTH / 4);
  }

  /** Hash of the two addresses, which all fragments of a datagram share (the L3 hash). */
  hashAddresses(): number {
    return djb2(this.words, KEY_SOURCE / 4, KEY_ID / 4);
  }

  /**
   * As {@link hashAll}, keyed: of the addresses, the ports, and the three octets of an echo id and the protocol. Of an IPv4 address only the last word
   * differs.
   *
   * @param k0 @param k1 the tier's key: without it, nobody can choose packets that go to one target
   */
  hashAllKeyed(k0: number, k1: number): number {
    const words = this.words;
    const ipv4 = this.family === 4;
    const idAndProtocol = words[KEY_ID / 4]! & 0xffffff;
    return halfSipHash(words, ipv4 ? 3 : 0, KEY_ID / 4, ipv4 ? 4 : 1, words[KEY_SOURCE_PORT / 4]!, idAndProtocol, 3, k0, k1);
  }

  /** As {@link hashAddresses}, keyed. */
  hashAddressesKeyed(k0: number, k1: number): number {
    const ipv4 = this.family === 4;
    const last = KEY_ID / 4 - 1;
    return halfSipHash(this.words, ipv4 ? 3 : 0, last, ipv4 ? 4 : 1, this.words[last]!, 0, 0, k0, k1);
  }

  /** As {@link hashPorts}, keyed. */
  hashPortsKeyed(k0: number, k1: number): number {
    return halfSipHash(this.words, 0, 0, 1, this.words[KEY_SOURCE_PORT / 4]!, 0, 0, k0, k1);
  }

  /**
   * Keyed hash of everything that identifies a fragment's datagram, for use within one program (docs/decisions/0004-fragment-hash.md). Of an
   * IPv4 address only the last word differs.
   *
   * @param k0 @param k1 the secret key, 64 bits: without it, an attacker cannot choose datagrams that share a bucket
   */
  hashFragment(k0: number, k1: number): number {
    const ipv4 = this.family === 4;
    return halfSipHash(this.words, ipv4 ? 3 : 0, KEY_ID / 4, ipv4 ? 4 : 1, this.fragmentId, this.fragmentProtocol, 1, k0, k1);
  }

  /**
   * Keyed hash of a connection's client: source address, ports and protocol, for use within one program. With {@link hashAll}, which has the destination
   * too, it identifies the connection. ICMP has an echo id in place of ports.
   *
   * @param portsOnly without the address: all paths of a multihomed SCTP association share only these
   * @param tables for `CLIENT_WORDS` words
   */
  hashClient(portsOnly: boolean, tables: Int32Array): number {
    const words = this.words;
    const id = words[KEY_ID / 4]!;
    const ports = tabulate(tables, 0, words[KEY_SOURCE_PORT / 4]! ^ (id & 0xffff)) ^ tables[WORD_TABLES + ((id >>> 16) & 255)]!;
    if (portsOnly) return ports;
    // Of an IPv4 address only the last word differs.
    const address = ports ^ tabulate(tables, 2, words[3]!);
    if (this.family === 4) return address;
    return address ^ tabulate(tables, 3, words[2]!) ^ tabulate(tables, 4, words[1]!) ^ tabulate(tables, 5, words[0]!);
  }

  /** Hash of the two ports, which all paths of a multihomed SCTP association share (RFC 9260 §6.4). */
  hashPorts(): number {
    return djb2(this.words, KEY_SOURCE_PORT / 4, KEY_LENGTH / 4);
  }
}

/** The four octets at `at` as a word of the key, little-endian. 32 bits, signed. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
