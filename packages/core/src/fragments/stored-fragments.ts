import { type ItemPool, NONE } from './item-pool.js';
import { FRAGMENT_LENGTH, FRAGMENT_NEXT } from './layout.js';

/** Reinjects a stored fragment: `bytes[at .. at + length)`. */
export type Reinject = (bytes: Uint8Array, at: number, length: number) => void;

/**
 * The stored fragments of many datagrams. Those of a datagram form a ring, which is identified by its last fragment, whose next is the first;
 * {@link NONE} is an empty ring. The caller must hold the datagram's lock, or own the ring.
 */
export class StoredFragments {
  readonly #words: Int32Array;
  readonly #pool: ItemPool;
  readonly #octets: Uint8Array;
  readonly #mtu: number;

  /**
   * @param words memory that contains the pool
   * @param octets `mtu` octets for each fragment of the pool
   */
  constructor(words: Int32Array, pool: ItemPool, octets: Uint8Array, mtu: number) {
    this.#words = words;
    this.#pool = pool;
    this.#octets = octets;
    this.#mtu = mtu;
  }

  /**
   * Appends `bytes[at .. at + length)` to a ring.
   *
   * @returns the ring; {@link NONE} if the pool is exhausted: then nothing has changed
   */
  add(last: number, bytes: Uint8Array, at: number, length: number): number {
    const fragment = this.#pool.take();
    if (fragment === NONE) return NONE;
    const words = this.#words;
    const fragmentAt = this.#pool.at(fragment);
    if (last === NONE) words[fragmentAt + FRAGMENT_NEXT] = fragment;
    else {
      const lastAt = this.#pool.at(last);
      words[fragmentAt + FRAGMENT_NEXT] = words[lastAt + FRAGMENT_NEXT]!;
      words[lastAt + FRAGMENT_NEXT] = fragment;
    }
    words[fragmentAt + FRAGMENT_LENGTH] = length;
    // Octet by octet: `set` would need an object for the part of `bytes`.
    const octets = this.#octets;
    const to = fragment * this.#mtu;
    for (let i = 0; i < length; i++) octets[to + i] = bytes[at + i]!;
    return fragment;
  }

  /** Frees a ring, after reinjecting its fragments in order of arrival if `reinject` is given. Returns their number. */
  release(last: number, reinject?: Reinject): number {
    if (last === NONE) return 0;
    const words = this.#words;
    let count = 1;
    for (let fragment = words[this.#pool.at(last) + FRAGMENT_NEXT]!; ; count++) {
      const at = this.#pool.at(fragment);
      const next = words[at + FRAGMENT_NEXT]!;
      reinject?.(this.#octets, fragment * this.#mtu, words[at + FRAGMENT_LENGTH]!);
      this.#pool.give(fragment);
      if (fragment === last) return count;
      fragment = next;
    }
  }
}
