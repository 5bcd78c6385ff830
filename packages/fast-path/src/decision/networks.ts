// Networks of one kind, and the tables that find the longest of them that contains an address.

import { type Cidr, isIpv4, maskAddress } from '@nfqlb/core/address';
import { LENGTH_TAG, LENGTH_WORDS, MAX_LENGTHS, PREFIX_KINDS, PREFIX_TAG, PREFIX_WORDS, PrefixKind } from '../layout.js';
import { buildSlots, mix, type Slots } from './slots.js';

export type Family = 4 | 6;

export function familyOf({ network }: Cidr): Family {
  return isIpv4(network) ? 4 : 6;
}

export const destinationKind = (family: Family): PrefixKind => (family === 4 ? PrefixKind.Destination4 : PrefixKind.Destination6);
export const sourceKind = (family: Family): PrefixKind => (family === 4 ? PrefixKind.Source4 : PrefixKind.Source6);

/** Networks of one family, each with a value. */
export class Networks<Value> {
  readonly #values = new Map<string, { readonly cidr: Cidr; value: Value }>();
  /** Prefix lengths, longest first. */
  #lengths: readonly number[] | undefined;

  get size(): number {
    return this.#values.size;
  }

  /** Prefix lengths, longest first. */
  get lengths(): readonly number[] {
    this.#lengths ??= [...new Set(Array.from(this.#values.values(), ({ cidr }) => cidr.prefixLength))].sort((a, b) => b - a);
    return this.#lengths;
  }

  *[Symbol.iterator](): Iterator<{ readonly cidr: Cidr; readonly value: Value }> {
    yield* this.#values.values();
  }

  get(cidr: Cidr): Value | undefined {
    return this.#values.get(keyOf(cidr.network, cidr.prefixLength))?.value;
  }

  set(cidr: Cidr, value: Value): void {
    this.#values.set(keyOf(cidr.network, cidr.prefixLength), { cidr, value });
    this.#lengths = undefined;
  }

  /** The values of all networks that contain a network, itself included, longest first. */
  *around({ network, prefixLength }: Cidr): Generator<Value> {
    for (const length of this.lengths) {
      if (length > prefixLength) continue;
      const found = this.#values.get(keyOf(maskAddress(network, length), length));
      if (found !== undefined) yield found.value;
    }
  }
}

function keyOf(network: Uint8Array, prefixLength: number): string {
  return `${prefixLength} ${network}`;
}

/** The maps `prefixes` and `lengths` for networks of all kinds. */
export function buildPrefixes(kinds: ReadonlyMap<PrefixKind, Networks<number>>): {
  readonly prefixes: Slots;
  readonly lengths: Uint32Array;
} {
  const entries: number[][] = [];
  const lengths = new Uint32Array(PREFIX_KINDS * MAX_LENGTHS * LENGTH_WORDS);
  for (const [kind, networks] of kinds) {
    networks.lengths.forEach((length, i) => {
      const at = (kind * MAX_LENGTHS + i) * LENGTH_WORDS;
      lengths.set(wordsOf(maskAddress(new Uint8Array(16).fill(0xff), length)), at);
      lengths[at + LENGTH_TAG] = tagOf(kind, length);
    });
    for (const { cidr, value } of networks) entries.push([...wordsOf(cidr.network), tagOf(kind, cidr.prefixLength), value]);
  }
  const hash = (entry: readonly number[], seed: number): number => entry.slice(0, PREFIX_TAG).reduce(mixed, mix(seed, entry[PREFIX_TAG]!));
  return { prefixes: buildSlots(entries, PREFIX_WORDS, hash), lengths };
}

const mixed = (hash: number, word: number): number => mix(hash, word);

/** Kind and prefix length in one number, never 0. */
function tagOf(kind: PrefixKind, prefixLength: number): number {
  return ((kind + 1) << 8) | prefixLength;
}

/** As words of a packet key. */
function wordsOf(address: Uint8Array): Uint32Array {
  return new Uint32Array(address.slice().buffer);
}
