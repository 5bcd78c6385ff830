import type { FragmentTable } from './fragment-table.js';
import { isHeld } from './lock.js';

/** Locks to check each time: a table may have millions of buckets, and finding a stuck one some seconds later is good enough. */
const MAX_CHECKED = 4096;

/** A lock that was held at every check. */
export interface HeldLock {
  /** What it guards, for messages: `bucket 17` or `pool 1`. */
  readonly name: string;
  /** How long, in milliseconds. */
  readonly held: number;
}

/** Finds locks of a fragment table that are never released. Workers hold a lock for less than a microsecond, unless they died holding it. */
export class LockWatch {
  readonly #words: Int32Array;
  readonly #table: Pick<FragmentTable, 'lockAt' | 'locks'>;
  readonly #buckets: number;
  /** Locks that were held at the last check, and how long, in milliseconds. */
  #held = new Map<number, number>();
  #next = 0;

  /** @param memory of the table */
  constructor(memory: ArrayBufferLike, table: Pick<FragmentTable, 'lockAt' | 'locks'>, buckets: number) {
    this.#words = new Int32Array(memory, 0, memory.byteLength >> 2);
    this.#table = table;
    this.#buckets = buckets;
  }

  /** @param elapsed milliseconds since the last check */
  look(elapsed: number): void {
    const before = this.#held;
    this.#held = new Map();
    for (const [lock, held] of before) if (this.#isHeld(lock)) this.#held.set(lock, held + elapsed);
    const count = Math.min(MAX_CHECKED, this.#table.locks);
    for (let i = 0; i < count; i++) {
      if (!this.#held.has(this.#next) && this.#isHeld(this.#next)) this.#held.set(this.#next, 0);
      this.#next = (this.#next + 1) % this.#table.locks;
    }
  }

  /** Locks that have been held for at least this long. */
  heldFor(milliseconds: number): HeldLock[] {
    return [...this.#held]
      .filter(([, held]) => held >= milliseconds)
      .map(([lock, held]) => ({ name: lock < this.#buckets ? `bucket ${lock}` : `pool ${lock - this.#buckets}`, held }));
  }

  #isHeld(lock: number): boolean {
    return isHeld(this.#words, this.#table.lockAt(lock));
  }
}
