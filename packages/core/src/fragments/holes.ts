import { type ItemPool, NONE } from './item-pool.js';

// What is missing of a datagram, as a list of holes: RFC 815 §3, without the data. A hole is three words of a pool's item.

/** Words of a hole. */
export const HOLE_WORDS = 3;

const NEXT = 0;
const BEGIN = 1;
/** The octet after its last. */
const END = 2;

/** End of the last hole, until the last fragment tells how long the datagram is. */
const UNKNOWN_END = 0x7fffffff;

/**
 * Most holes that a datagram may have: with 1500-octet packets the largest has 45 fragments, and so at most 23 holes. An attacker can make
 * thousands with tiny fragments, and every further fragment would have to look at all of them.
 */
export const MAX_HOLES = 32;

/** A datagram whose holes are not, or no longer, followed. */
export const UNTRACKED = -1;

/** A datagram of which nothing is missing. */
export const COMPLETE = -2;

/** The holes of many datagrams. A list is named by its first hole. Who calls holds the datagram's lock. */
export class Holes {
  readonly #words: Int32Array;
  readonly #pool: ItemPool;

  constructor(words: Int32Array, pool: ItemPool) {
    this.#words = words;
    this.#pool = pool;
  }

  /** @returns the list of a datagram of which all is missing; {@link UNTRACKED} when the pool is used up */
  open(): number {
    const hole = this.#pool.take();
    if (hole === NONE) return UNTRACKED;
    this.#set(hole, NONE, 0, UNKNOWN_END);
    return hole;
  }

  /**
   * Takes away what a fragment carries.
   *
   * @param list what is missing without it
   * @param more whether more fragments follow it; else the datagram ends where it ends
   * @returns what is missing now; {@link COMPLETE} when that is nothing; {@link UNTRACKED} when the pool is used up, or the datagram has more
   * than {@link MAX_HOLES}: then the list is gone
   */
  fill(list: number, begin: number, end: number, more: boolean): number {
    const words = this.#words;
    let first = list;
    let previous = NONE;
    let holes = 0;
    // The numbers of the steps are those of RFC 815 §3.
    for (let hole = list; hole !== NONE; ) {
      const at = this.#pool.at(hole);
      const next = words[at + NEXT]!;
      const holeBegin = words[at + BEGIN]!;
      const holeEnd = words[at + END]!;
      // 2 and 3: it does not touch this hole.
      if (begin >= holeEnd || end <= holeBegin) {
        previous = hole;
        hole = next;
        holes++;
        continue;
      }
      // 5 and 6: what it leaves of this hole, before and after it.
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
        // 4: it fills this hole.
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

  /** Gives up a list; {@link UNTRACKED} is none. */
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
