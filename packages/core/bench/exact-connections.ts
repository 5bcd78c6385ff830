// The remembered connections with exact keys in place of fingerprints, as far as it takes to compare the two: places and sets as in
// src/transition/connection-set.ts, but each place is a cache line with the whole key.

import type { PacketKey } from '@nfqlb/core';
import { tabulationTables } from '../src/hash/tabulation.js';
import { CLIENT_WORDS, KEY_LENGTH } from '../src/key/packet-key.js';

const WAYS = 8;
const KEY_WORDS: number = KEY_LENGTH / 4;
const TABLE: number = KEY_WORDS;
const FWMARK: number = KEY_WORDS + 1;
const USE: number = KEY_WORDS + 2;
const PLACE_WORDS = 16;

export class ExactConnections {
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #tables: Int32Array = tabulationTables(CLIENT_WORDS, 1, 2);

  /** @param sets a power of two */
  constructor(sets: number) {
    this.#mask = sets - 1;
    this.#words = new Int32Array(new SharedArrayBuffer(4 * sets * WAYS * PLACE_WORDS));
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** Returns the fwmark, or −1. */
  find(key: PacketKey, table: number): number {
    const keyed = key.hashClient(false, this.#tables);
    const place = this.#preferred(keyed);
    const fwmark = this.#read(place, key, table);
    if (fwmark >= 0) return fwmark;
    const begin = (keyed & this.#mask) * WAYS * PLACE_WORDS;
    for (let at = begin; at < begin + WAYS * PLACE_WORDS; at += PLACE_WORDS) {
      const found = this.#read(at, key, table);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** Returns false if the preferred place is taken. */
  remember(key: PacketKey, table: number, fwmark: number): boolean {
    const words = this.#words;
    const place = this.#preferred(key.hashClient(false, this.#tables));
    if (words[place + USE] !== 0) return false;
    words.set(key.words, place);
    words[place + TABLE] = table;
    words[place + FWMARK] = fwmark;
    words[place + USE] = 1;
    return true;
  }

  #preferred(keyed: number): number {
    return ((keyed & this.#mask) * WAYS + (keyed >>> 29)) * PLACE_WORDS;
  }

  #read(place: number, key: PacketKey, table: number): number {
    const words = this.#words;
    const other = key.words;
    for (let i = 0; i < KEY_WORDS; i++) if (words[place + i] !== other[i]) return -1;
    return words[place + TABLE] === table && words[place + USE] !== 0 ? words[place + FWMARK]! : -1;
  }
}
