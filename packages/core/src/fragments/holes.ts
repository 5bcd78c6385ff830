import { type ItemPool, NONE } from './item-pool.js';

// The missing parts of a datagram, as a list of holes: RFC 815 §3, without the data. A hole is a pool item of three words.

/** Words of a hole. */
export const HOLE_WORDS = 3;

const NEXT = 0;
const BEGIN = 1;
/** Offset after its last octet. */
const END = 2;

/** End of the last hole, until the last fragment arrives and the datagram's length is known. */
const UNKNOWN_END = 0x7fffffff;

/**
 * Maximum number of holes of a datagram: in 1500-octet packets, the longest datagram has 45 fragments, so at most 23 holes. An attacker can cause
 * thousands with tiny fragments, and every further fragment would have to be compared with all of them.
 */
export const MAX_HOLES = 32;

/** A datagram whose holes are not, or no longer, tracked. */
export const UNTRACKED = -1;

/** A complete datagram. */
export const COMPLETE = -2;

/** The holes of many datagrams. A list is identified by its first hole. The caller must hold the datagram's lock. */
export class Holes {
  readonly #words: Int32Array;
  readonly #pool: ItemPool;

  constructor(words: Int32Array, pool: ItemPool) {
    this.#words = words;
    this.#pool = pool;
  }

  /** @returns a list for a datagram of which nothing has arrived; {@link UNTRACKED} if the pool is exhausted */
  open(): number {
    const hole = this.#pool.take();
    if (hole === NONE) return UNTRACKED;
    this.#set(hole, NONE, 0, UNKNOWN_END);
    return hole;
  }

  /**
   * Removes the octets of a fragment from the holes.
   *
   * @param list the holes before
   * @param more whether more fragments follow it; if not, the datagram ends where it ends
   * @returns the remaining holes; {@link COMPLETE} if there are none; {@link UNTRACKED} if the pool is exhausted or the datagram has more than
   * {@link MAX_HOLES}: then the list was freed
   */
  fill(list: number, begin: number, end: number, more: boolean): number {
    const words = this.#words;
    let first = list;
    let previous = NONE;
    let holes = 0;
    // Step numbers as in RFC 815 §3.
    for (let hole = list; hole !== NONE; ) {
      const at = this.#pool.at(hole);
      const next = words[at + NEXT]!;
      const holeBegin = words[at + BEGIN]!;
      const holeEnd = words[at + END]!;
      // 2 and 3: the fragment does not overlap this hole.
      if (begin >= holeEnd || end <= holeBegin) {
        previous = hole;
        hole = next;
        holes++;
        continue;
      }
      // 5 and 6: what remains of this hole before and after the fragment.
      const before = begin > holeBegin;
      const after = end < holeEnd && more;
      if (before && after) {
        const rest = this.#pool.take();
        if (rest === NONE) {
          this.close(first);
          return UNTRACKED;
        }
        this.#set(rest, next, end, holeEnd);
        this.#set(hole, rest, holeBegin, begin);
        previous = rest;
        holes += 2;
      } else if (before || after) {
        this.#set(hole, next, before ? holeBegin : end, before ? begin : holeEnd);
        previous = hole;
        holes++;
      } else {
        // 4: the fragment fills this hole.
        if (previous === NONE) first = next;
        else words[this.#pool.at(previous) + NEXT] = next;
        this.#pool.give(hole);
      }
      hole = next;
    }
    if (holes > MAX_HOLES) {
      this.close(first);
      return UNTRACKED;
    }
    // 8
    return first === NONE ? COMPLETE : first;
  }

  /** Frees a list; does nothing for {@link UNTRACKED}. */
  close(list: number): void {
    for (let hole = list; hole !== NONE; ) {
      const next = this.#words[this.#pool.at(hole) + NEXT]!;
      this.#pool.give(hole);
      hole = next;
    }
  }

  #set(hole: number, next: number, begin: number, end: number): void {
    const at = this.#pool.at(hole);
    this.#words[at + NEXT] = next;
    this.#words[at + BEGIN] = begin;
    this.#words[at + END] = end;
  }
}
