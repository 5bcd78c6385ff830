import { Kind } from '../key/kind.js';
import { KEY_DESTINATION, KEY_SOURCE, type PacketKey } from '../key/packet-key.js';
import { FIXED_HEADER_LENGTH } from './flow-protocol.js';
import {
  FLOW_MATCHES,
  FLOW_NETWORKS4,
  FLOW_NETWORKS6,
  FLOW_RANGES,
  FLOW_WORDS,
  MATCH_WORDS,
  NETWORK4_WORDS,
  NETWORK6_WORDS,
} from './flow-records.js';
import { ENTRY_WORDS } from './flow-tree.js';
import { CLASSES_AT, FIELDS, Field, type ProtocolClass, Section, sectionOf } from './layout.js';

/** Octets of header that a byte match needs, by {@link ProtocolClass}. */
const HEADER_LENGTHS: readonly number[] = [FIXED_HEADER_LENGTH.tcp, FIXED_HEADER_LENGTH.udp, FIXED_HEADER_LENGTH.sctp, 0];

const DESTINATION = 1 << Field.Destination;
const SOURCE = 1 << Field.Source;
const DESTINATION_PORT = 1 << Field.DestinationPort;
const SOURCE_PORT = 1 << Field.SourcePort;
const PROTOCOL = 1 << Field.Protocol;
const MATCH = 1 << Field.Match;

/** Checks a packet against flows one by one, using their records (flow-records.ts). */
export class FlowMatcher {
  readonly #entries: Int32Array;
  readonly #flows: Int32Array;
  readonly #networks4: Int32Array;
  readonly #networks6: Int32Array;
  readonly #ranges: Int32Array;
  readonly #matches: Int32Array;

  constructor(words: Int32Array) {
    this.#entries = sectionOf(words, Section.Entry);
    this.#flows = sectionOf(words, Section.Flow);
    this.#networks4 = sectionOf(words, Section.Network4);
    this.#networks6 = sectionOf(words, Section.Network6);
    this.#ranges = sectionOf(words, Section.Range);
    this.#matches = sectionOf(words, Section.Match);
  }

  /**
   * Tries the flows of a leaf that come before `limit`.
   *
   * A single loop: with a function call per flow, long leaves take a third longer.
   *
   * @param at the first entry; it is always tried
   * @returns the first entry that matches, or the complement (~) of the first entry that was not tried
   */
  scan(at: number, limit: number, key: PacketKey, kind: Kind, protocol: ProtocolClass, bytes: Uint8Array): number {
    const entries = this.#entries;
    if ((entries[at + 1]! & FIELDS) === 0) return at;
    const words = key.words;
    const ipv4 = key.family === 4;
    const destination = words[KEY_DESTINATION / 4 + 3]!;
    const source = words[KEY_SOURCE / 4 + 3]!;
    const destinationPort = key.destinationPort;
    const sourcePort = key.sourcePort;
    do {
      const open = entries[at + 1]!;
      if ((open & FIELDS) === 0) return at;
      const record = FLOW_WORDS * entries[at]!;
      // An IPv4-mapped address in an IPv6 packet counts as IPv6: decide by the packet's family.
      if (
        ((open & PROTOCOL) === 0 || ((open >> (CLASSES_AT + protocol)) & 1) !== 0) &&
        ((open & DESTINATION_PORT) === 0 || this.#inRanges(record + FLOW_RANGES, destinationPort)) &&
        ((open & DESTINATION) === 0 ||
          (ipv4
            ? this.#inNetworks4(record + FLOW_NETWORKS4, destination)
            : this.#inNetworks6(record + FLOW_NETWORKS6, words, KEY_DESTINATION / 4))) &&
        ((open & SOURCE) === 0 ||
          (ipv4
            ? this.#inNetworks4(record + FLOW_NETWORKS4 + 1, source)
            : this.#inNetworks6(record + FLOW_NETWORKS6 + 1, words, KEY_SOURCE / 4))) &&
        ((open & SOURCE_PORT) === 0 || this.#inRanges(record + FLOW_RANGES + 1, sourcePort)) &&
        // A quoted packet travelled the other way, so its header fields say nothing about the flow: skip byte matches.
        ((open & MATCH) === 0 || kind === Kind.IcmpInner || this.#hasOctets(record + FLOW_MATCHES, key, protocol, bytes))
      ) {
        return at;
      }
      at += ENTRY_WORDS;
    } while (entries[at]! < limit);
    return ~at;
  }

  // `bounds` is the word of the flow's record that holds the index of the first member; the next word holds the end.

  #inRanges(bounds: number, port: number): boolean {
    const ranges = this.#ranges;
    const end = this.#flows[bounds + 1]!;
    for (let i = this.#flows[bounds]!; i < end; i++) {
      const range = ranges[i]!;
      if (port >= (range & 0xffff) && port <= range >>> 16) return true;
    }
    return false;
  }

  /** @param address last word of the address in the key */
  #inNetworks4(bounds: number, address: number): boolean {
    const networks = this.#networks4;
    const end = this.#flows[bounds + 1]!;
    for (let i = this.#flows[bounds]!; i < end; i += NETWORK4_WORDS) if ((address & networks[i + 1]!) === networks[i]) return true;
    return false;
  }

  /** @param at first word of the address in the key */
  #inNetworks6(bounds: number, words: Int32Array, at: number): boolean {
    const networks = this.#networks6;
    const end = this.#flows[bounds + 1]!;
    for (let i = this.#flows[bounds]!; i < end; i += NETWORK6_WORDS) {
      if (
        (words[at + 3]! & networks[i + 7]!) === networks[i + 3] &&
        (words[at + 2]! & networks[i + 6]!) === networks[i + 2] &&
        (words[at + 1]! & networks[i + 5]!) === networks[i + 1] &&
        (words[at]! & networks[i + 4]!) === networks[i]
      ) {
        return true;
      }
    }
    return false;
  }

  #hasOctets(bounds: number, key: PacketKey, protocol: ProtocolClass, bytes: Uint8Array): boolean {
    const matches = this.#matches;
    const end = this.#flows[bounds + 1]!;
    for (let i = this.#flows[bounds]!; i < end; i += MATCH_WORDS) {
      if (matches[i] !== protocol) continue;
      if (key.transportLength < HEADER_LENGTHS[protocol]!) return false;
      const field = matches[i + 1]!;
      const last = key.transportAt + (field & 0xff) + (field >> 8) - 1;
      let at = key.transportAt + (field & 0xff);
      let value = bytes[at]!;
      while (at < last) value = (value << 8) | bytes[++at]!;
      if ((value & matches[i + 2]!) !== matches[i + 3]) return false;
    }
    return true;
  }
}
