import { lock, lockWithin, unlock } from './lock.js';

/** No item. */
export const NONE = -1;

/** Words of a pool's header: a cache line, so that pools of one table do not slow each other down. */
export const POOL_HEADER = 16;

const LOCK = 0;
/** First free item. */
const HEAD = 1;
const USED = 2;

/**
 * A pool of items in memory that threads share: an item belongs to the thread that took it until it is given back. Items are numbered from 0. The
 * first word of a free item links to the next one; otherwise it belongs to the owner.
 */
export class ItemPool {
  readonly #words: Int32Array;
  readonly #header: number;
  readonly #items: number;
  readonly #stride: number;
  readonly #timeout: number;

  /**
   * @param words memory that contains the pool
   * @param header offset of its {@link POOL_HEADER} words
   * @param items offset of its items
   * @param stride words of an item
   * @param timeout maximum wait for another thread, in milliseconds
   */
  constructor(words: Int32Array, header: number, items: number, stride: number, timeout: number = Number.POSITIVE_INFINITY) {
    this.#words = words;
    this.#header = header;
    this.#items = items;
    this.#stride = stride;
    this.#timeout = timeout;
  }

  /** Frees all `count` items. Call before any thread uses the pool. */
  reset(count: number): void {
    for (let item = 0; item < count; item++) this.#words[this.at(item)] = item + 1 < count ? item + 1 : NONE;
    this.#words[this.#header + HEAD] = count > 0 ? 0 : NONE;
    this.#words[this.#header + USED] = 0;
  }

  /** Number of items in use. */
  get used(): number {
    return Atomics.load(this.#words, this.#header + USED);
  }

  /** Offset of an item in words. */
  at(item: number): number {
    return this.#items + item * this.#stride;
  }

  /** @returns an item, or {@link NONE} if all are in use */
  take(): number {
    const words = this.#words;
    const header = this.#header;
    lock(words, header + LOCK);
    const item = words[header + HEAD]!;
    if (item !== NONE) {
      words[header + HEAD] = words[this.at(item)]!;
      words[header + USED]!++;
    }
    unlock(words, header + LOCK);
    return item;
  }

  /** Gives an item back. If the pool stays locked for longer than the timeout, its holder has died, and the item is lost with the pool. */
  give(item: number): void {
    const words = this.#words;
    const header = this.#header;
    if (this.#timeout === Number.POSITIVE_INFINITY) lock(words, header + LOCK);
    else if (!lockWithin(words, header + LOCK, this.#timeout)) return;
    words[this.at(item)] = words[header + HEAD]!;
    words[header + HEAD] = item;
    words[header + USED]!--;
    unlock(words, header + LOCK);
  }
}
