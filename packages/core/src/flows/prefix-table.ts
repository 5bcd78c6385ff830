// The networks of all flows, for longest-prefix search by a packet's address. A network is identified by its slot in a hash table.
//
// All networks that contain an address are nested, so each network stores the smallest one that encloses it, its parent: once the longest
// prefix is found, the others follow from parent to parent without another search. The longest prefix is found by probing the hash table
// for one prefix length after the other, longest first; flows use few different lengths, so this takes few probes. Destinations and
// sources, IPv4 and IPv6 are kept apart, so that no packet probes for lengths that only the other kinds use.

import { type Cidr, IPV4_PREFIX, isIpv4, maskAddress } from '../address/index.js';
import { mix, slotsFor } from './slots.js';

/** Words of a slot: four of address, the tag (−1 if free), the parent; padded to 8, so that no slot crosses a cache line. */
export const PREFIX_WORDS = 8;
export const PREFIX_TAG = 4;
export const PREFIX_PARENT = 5;
export const NO_PREFIX = -1;

/** Words of a prefix length: four of mask, the tag. The section begins with the index of the first length of each kind. */
export const LENGTH_WORDS = 8;
export const LENGTH_TAG = 4;
const LENGTH_BEGINS = 8;

/** The four kinds of network. */
export const PrefixKind = { Destination4: 0, Destination6: 1, Source4: 2, Source6: 3 } as const;
export type PrefixKind = (typeof PrefixKind)[keyof typeof PrefixKind];
const KINDS = 4;

/** Kind and prefix length in one number: they distinguish networks with the same address. */
const tagOf = (kind: PrefixKind, prefixLength: number): number => (kind << 8) | prefixLength;

/** Slot where the search for a prefix begins. For IPv4 only the last word of the address differs. */
export function hashPrefix(tag: number, w0: number, w1: number, w2: number, w3: number): number {
  return mix(mix(mix(mix(mix(tag, w3), w2), w1), w0), 0);
}

export function hashPrefix4(tag: number, w3: number): number {
  return mix(mix(tag, w3), 0);
}

/** The address as words of a packet key. */
export function addressWords(address: Uint8Array): Int32Array {
  return new Int32Array(address.slice().buffer);
}

/** A netmask as words of a packet key. */
export function maskWords(prefixLength: number): Int32Array {
  return addressWords(maskAddress(new Uint8Array(16).fill(0xff), prefixLength));
}

/** Collects networks, numbers them, and builds the table. */
export class PrefixTableBuilder {
  readonly #numbers = new Map<string, number>();
  readonly #prefixes: { readonly kind: PrefixKind; readonly cidr: Cidr }[] = [];
  #parents: number[] | undefined;

  /** Adds a network, of sources or destinations, and returns its number. */
  add(source: boolean, cidr: Cidr): number {
    const kind = ((source ? PrefixKind.Source4 : PrefixKind.Destination4) + (isIpv4(cidr.network) ? 0 : 1)) as PrefixKind;
    const key = keyOf(kind, cidr.network, cidr.prefixLength);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#prefixes.length);
    return this.#prefixes.push({ kind, cidr }) - 1;
  }

  /** The parent of each network, by number, or {@link NO_PREFIX}. Call after all networks were added. */
  get parents(): readonly number[] {
    this.#parents ??= this.#prefixes.map(({ kind, cidr }) => {
      const least = isIpv4(cidr.network) ? IPV4_PREFIX : 0;
      const lengths = this.#lengths(kind).filter((length) => length < cidr.prefixLength && length >= least);
      for (const length of lengths) {
        const parent = this.#numbers.get(keyOf(kind, maskAddress(cidr.network, length), length));
        if (parent !== undefined) return parent;
      }
      return NO_PREFIX;
    });
    return this.#parents;
  }

  /** The sections of a compiled flow set, slots and prefix lengths, and the slot of each network by number. */
  build(): { readonly slots: Int32Array; readonly lengths: Int32Array; readonly slotOf: readonly number[] } {
    const count = slotsFor(this.#prefixes.length);
    const slots = new Int32Array(PREFIX_WORDS * count).fill(NO_PREFIX);
    const slotOf = this.#prefixes.map(({ kind, cidr }) => {
      const [w0, w1, w2, w3] = addressWords(cidr.network) as unknown as [number, number, number, number];
      const tag = tagOf(kind, cidr.prefixLength);
      let slot = (isIpv4(cidr.network) ? hashPrefix4(tag, w3) : hashPrefix(tag, w0, w1, w2, w3)) & (count - 1);
      while (slots[PREFIX_WORDS * slot + PREFIX_TAG] !== NO_PREFIX) slot = (slot + 1) & (count - 1);
      slots.set([w0, w1, w2, w3, tag], PREFIX_WORDS * slot);
      return slot;
    });
    this.parents.forEach((parent, number) => {
      if (parent !== NO_PREFIX) slots[PREFIX_WORDS * slotOf[number]! + PREFIX_PARENT] = slotOf[parent]!;
    });

    const lengths: number[] = new Array(LENGTH_BEGINS).fill(0);
    for (let kind = 0; kind < KINDS; kind++) {
      lengths[kind] = lengths.length;
      for (const length of this.#lengths(kind as PrefixKind)) {
        lengths.push(...maskWords(length), tagOf(kind as PrefixKind, length), 0, 0, 0);
      }
    }
    lengths[KINDS] = lengths.length;
    return { slots, lengths: Int32Array.from(lengths), slotOf };
  }

  readonly #lengthsOf = new Map<PrefixKind, readonly number[]>();

  /** The prefix lengths of a kind, longest first. */
  #lengths(kind: PrefixKind): readonly number[] {
    let lengths = this.#lengthsOf.get(kind);
    if (lengths === undefined) {
      const all = new Set(this.#prefixes.filter((prefix) => prefix.kind === kind).map(({ cidr }) => cidr.prefixLength));
      lengths = [...all].sort((a, b) => b - a);
      this.#lengthsOf.set(kind, lengths);
    }
    return lengths;
  }
}

function keyOf(kind: PrefixKind, network: Uint8Array, prefixLength: number): string {
  return `${kind} ${prefixLength} ${network}`;
}
