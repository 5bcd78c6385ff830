import { KEY_DESTINATION, KEY_SOURCE, type PacketKey } from '../key/packet-key.js';
import { Header, Section, sectionOf } from './layout.js';
import {
  hashPrefix,
  hashPrefix4,
  LENGTH_TAG,
  LENGTH_WORDS,
  NO_PREFIX,
  PREFIX_PARENT,
  PREFIX_TAG,
  PREFIX_WORDS,
  PrefixKind,
} from './prefix-table.js';

/** Finds the networks that contain a packet's addresses (prefix-table.ts). */
export class PrefixSearch {
  readonly #slots: Int32Array;
  readonly #lengths: Int32Array;
  readonly #mask: number;

  constructor(words: Int32Array) {
    this.#slots = sectionOf(words, Section.PrefixSlot);
    this.#lengths = sectionOf(words, Section.PrefixLength);
    this.#mask = words[Header.PrefixMask]!;
  }

  /** The longest destination prefix that contains the packet's destination, or {@link NO_PREFIX}. */
  destination(key: PacketKey): number {
    if (key.family === 4) return this.#longest4(PrefixKind.Destination4, key.words, KEY_DESTINATION / 4);
    return this.#longest6(PrefixKind.Destination6, key.words, KEY_DESTINATION / 4);
  }

  /** The longest source prefix that contains the packet's source, or {@link NO_PREFIX}. */
  source(key: PacketKey): number {
    if (key.family === 4) return this.#longest4(PrefixKind.Source4, key.words, KEY_SOURCE / 4);
    return this.#longest6(PrefixKind.Source6, key.words, KEY_SOURCE / 4);
  }

  /** The smallest network that encloses a network, or {@link NO_PREFIX}. */
  parent(prefix: number): number {
    return this.#slots[PREFIX_WORDS * prefix + PREFIX_PARENT]!;
  }

  #longest4(kind: PrefixKind, address: Int32Array, from: number): number {
    const lengths = this.#lengths;
    const slots = this.#slots;
    const end = lengths[kind + 1]!;
    for (let length = lengths[kind]!; length < end; length += LENGTH_WORDS) {
      const tag = lengths[length + LENGTH_TAG]!;
      const w3 = address[from + 3]! & lengths[length + 3]!;
      for (let slot = hashPrefix4(tag, w3) & this.#mask; ; slot = (slot + 1) & this.#mask) {
        const at = PREFIX_WORDS * slot;
        if (slots[at + 3] === w3 && slots[at + PREFIX_TAG] === tag) return slot;
        if (slots[at + PREFIX_TAG] === NO_PREFIX) break;
      }
    }
    return NO_PREFIX;
  }

  #longest6(kind: PrefixKind, address: Int32Array, from: number): number {
    const lengths = this.#lengths;
    const slots = this.#slots;
    const end = lengths[kind + 1]!;
    for (let length = lengths[kind]!; length < end; length += LENGTH_WORDS) {
      const tag = lengths[length + LENGTH_TAG]!;
      const w0 = address[from]! & lengths[length]!;
      const w1 = address[from + 1]! & lengths[length + 1]!;
      const w2 = address[from + 2]! & lengths[length + 2]!;
      const w3 = address[from + 3]! & lengths[length + 3]!;
      for (let slot = hashPrefix(tag, w0, w1, w2, w3) & this.#mask; ; slot = (slot + 1) & this.#mask) {
        const at = PREFIX_WORDS * slot;
        if (slots[at + 3] === w3 && slots[at + 2] === w2 && slots[at + 1] === w1 && slots[at] === w0 && slots[at + PREFIX_TAG] === tag) {
          return slot;
        }
        if (slots[at + PREFIX_TAG] === NO_PREFIX) break;
      }
    }
    return NO_PREFIX;
  }
}
