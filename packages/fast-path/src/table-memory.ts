import type { FwmarkLookup } from '@nfqlb/core';
import type { Maps } from './kernel/program.js';
import { KEYED, NONE, VERDICT_WORDS } from './layout.js';

/** A table's two halves: one is in use, the other is for the next change. Each has an element for the hash key before the buckets. */
interface Halves {
  readonly begin: number;
  /** Buckets of each half. */
  readonly room: number;
  /** Index of the half in use, 0 or 1. */
  current: number;
}

/** Free buckets for tables that appear or grow later: of the size that the others have together, at least this many. */
const MIN_SPARE = 4096;

/**
 * The target tables in the program's memory. A table is one word, where its buckets begin and how many there are: a change is written aside, and then
 * the word is replaced. So no packet sees a half-written table.
 *
 * A packet that has read the word just before may read a bucket of that half while the change after the next is written. A bucket is one word, too, so
 * it finds a target of either table, or none.
 */
export class TableMemory {
  readonly #buckets: Uint32Array;
  readonly #tables: BigUint64Array;
  readonly #counterOf: (fwmark: number) => number;
  readonly #halves = new Map<number, Halves>();
  /** What was written of each: a lookup replaces it when a transition begins or ends, and another lookup has another one. */
  readonly #steady: (Int32Array | undefined)[] = [];
  #used = 0;

  /** @param counterOf index of the counter for a fwmark's packets */
  constructor({ buckets, tables }: Maps, counterOf: (fwmark: number) => number) {
    this.#buckets = buckets.words;
    this.#tables = tables.longs;
    this.#counterOf = counterOf;
  }

  /** Number of buckets to make for these tables. */
  static bucketsFor(tables: readonly (FwmarkLookup | undefined)[]): number {
    const needed = tables.reduce((sum, table) => sum + (table ? sizeOf(table.M) : 0), 0);
    const largest = tables.reduce((most, table) => Math.max(most, table?.M ?? 0), 0);
    // Another table of the largest size may appear, or one may be replaced by a larger one, without a new generation.
    return needed + Math.max(MIN_SPARE, sizeOf(largest));
  }

  /**
   * Adopts changes since the last call.
   *
   * @param tables by index; `undefined` for a missing table
   * @returns `full` if there is no room for a table that is new or has grown: then a new generation is needed
   */
  refresh(tables: readonly (FwmarkLookup | undefined)[]): 'same' | 'changed' | 'full' {
    let result: 'same' | 'changed' = 'same';
    for (const [index, lookup] of tables.entries()) {
      const isChanged = lookup?.refresh() ?? false;
      if (!isChanged && lookup?.steady === this.#steady[index]) continue;
      if (!this.#publish(index, lookup)) return 'full';
      this.#steady[index] = lookup?.steady;
      result = 'changed';
    }
    return result;
  }

  #publish(index: number, lookup: FwmarkLookup | undefined): boolean {
    if (lookup === undefined) {
      Atomics.store(this.#tables, index, 0n);
      return true;
    }
    const halves = this.#halvesFor(index, lookup.M);
    if (halves === undefined) return false;
    const half = 1 - halves.current;
    const begin = halves.begin + half * (1 + halves.room) + 1;
    const { hashKey = [0, 0] } = lookup;
    this.#buckets.set(hashKey, VERDICT_WORDS * (begin - 1));
    this.#write(begin, halves.room, lookup.steady);
    const size = lookup.hashKey ? lookup.M + KEYED : lookup.M;
    Atomics.store(this.#tables, index, BigInt(begin) | (BigInt(size) << 32n));
    halves.current = half;
    return true;
  }

  #halvesFor(index: number, M: number): Halves | undefined {
    const known = this.#halves.get(index);
    if (known !== undefined && known.room >= M) return known;
    if (this.#used + sizeOf(M) > this.#buckets.length / VERDICT_WORDS) return undefined;
    const halves = { begin: this.#used, room: M, current: 1 };
    this.#used += sizeOf(M);
    this.#halves.set(index, halves);
    return halves;
  }

  /** Writes all of a half: what is behind the last bucket of a smaller table has no target. */
  #write(begin: number, room: number, fwmarks: Int32Array): void {
    const buckets = this.#buckets;
    // Neighbours often have the same target.
    let fwmark = NONE;
    let counter = 0;
    for (let bucket = 0; bucket < room; bucket++) {
      const next = bucket < fwmarks.length ? fwmarks[bucket]! : -1;
      if (next !== fwmark) {
        fwmark = next;
        counter = next < 0 ? 0 : this.#counterOf(next);
      }
      buckets[VERDICT_WORDS * (begin + bucket)] = next;
      buckets[VERDICT_WORDS * (begin + bucket) + 1] = counter;
    }
  }
}

/** Elements that a table with M buckets takes. */
function sizeOf(M: number): number {
  return 2 * (1 + M);
}
