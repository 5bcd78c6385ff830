import { CoreError } from '../core-error.js';
import { KEY_ID, type PacketKey } from '../key/packet-key.js';
import { STORED } from '../packet-batch.js';
import { COMPLETE, HOLE_WORDS, Holes, UNTRACKED } from './holes.js';
import { ItemPool, NONE } from './item-pool.js';
import {
  ADDRESSES,
  ENTRY_WORDS,
  FRAGMENT_WORDS,
  type FragmentTableOptions,
  FWMARK,
  ID,
  KEY,
  LAST_USE,
  LIST,
  LOCK,
  layoutOf,
  NEXT,
  PROTOCOL,
  SCAVENGED_AT,
  STATE,
} from './layout.js';
import { lock, tryLock, unlock } from './lock.js';
import { STATISTICS_LENGTH, STATISTICS_MAGIC, Statistic } from './statistics.js';
import { type Reinject, StoredFragments } from './stored-fragments.js';

// States of an entry.
const FREE = 0;
/** The first fragment has not come. */
const STORING = 1;
/** The first fragment has come. */
const VALID = 2;
/** A fragment was lost: the rest is of no use. */
const POISONED = 3;

/** The end of a bucket's chain: memory begins as zeros, and the number of an extra entry, from `size` up, is never 0. */
const NO_MORE = 0;

// Answers besides a fwmark and STORED.
/** No entry, or no room to store the fragment. */
export const NO_ROOM = -3;
/** A fragment of this datagram was lost before, or this is its first fragment once more. */
export const LOST = -4;
/** Longer than what can be stored. */
export const TOO_LONG = -5;

/** Ticks in a millisecond. */
const TICKS = 16;

/**
 * How far another thread's clock may be ahead, in ticks: an hour. Each thread's time is that at which its batch arrived, and a thread may
 * have been stopped since. Times wrap after 2³² ticks, three days: an entry that nobody has touched for so long looks alive again for an hour.
 */
const MAX_LEAD = 3_600_000 * TICKS;

/**
 * Most datagrams in a bucket: every fragment has to look at all of them. In a table with as many datagrams as
 * buckets, one in 10⁹ finds 12 there by chance; with twice as many, one in 10⁶.
 */
export const MAX_CHAIN = 12;

/** Longest wait of a thread that must not wait for ever, in milliseconds: a pool is held for less than a microsecond. */
const POOL_TIMEOUT_MS = 10;

/** Key of the hash that chooses buckets: 64 bits, as two words. */
export type FragmentHashKey = readonly [number, number];

/**
 * Buckets to look into when extra entries or places for stored fragments have run out, once a tick: 3 µs of 62. A table of 500 buckets is
 * gone through in half a millisecond, and fragments that find it full cost no more than others.
 */
const SCAVENGED = 64;

/** Most entries, fragments or holes: their places are counted in 32-bit words. */
export const MAX_POOL: number = 2 ** 22;

/**
 * Which target each fragmented datagram goes to, as its first fragment has decided, and the fragments that came before it.
 *
 * All of it lies in memory that is given (layout.ts), which several threads may share, each with a table of its own over it. A
 * bucket is locked while it is used. Nothing is allocated, nothing throws.
 */
export class FragmentTable {
  readonly #size: number;
  readonly #k0: number;
  readonly #k1: number;
  readonly #mtu: number;
  /** In ticks. */
  readonly #ttl: number;
  readonly #tracking: boolean;
  readonly #words: Int32Array;
  readonly #extra: ItemPool;
  readonly #fragments: ItemPool;
  readonly #stored: StoredFragments;
  readonly #holePool: ItemPool;
  readonly #holes: Holes;
  /** Where the pools' locks are. */
  readonly #pools: readonly number[];
  readonly #entries: number;
  readonly #hand: number;
  readonly #statistics: Uint32Array;
  readonly #reinject: Reinject;
  /** Entries in the bucket that was searched last. */
  #chain = 0;
  /** What time it is, in ticks, modulo 2³²: a small integer to the engine, which a number of milliseconds is not. */
  #tick = 0;

  /**
   * Memory for a table, all of it touched: what the machine does not have is missed now, not when fragments come.
   *
   * @param key of the hash that chooses buckets: random where packets come from strangers, fixed where results must be reproducible
   */
  static createMemory(options: FragmentTableOptions, key: FragmentHashKey): SharedArrayBuffer {
    const { length, hand } = layoutOf(check(options));
    let memory: SharedArrayBuffer;
    try {
      memory = new SharedArrayBuffer(length);
      new Uint8Array(memory).fill(0);
    } catch (cause) {
      throw new CoreError('out-of-memory', `a fragment table of ${length} octets is more than there is memory for`, { cause });
    }
    new Int32Array(memory).set(key, (hand >> 2) + KEY);
    const table = new FragmentTable(memory, options, new Uint32Array(STATISTICS_LENGTH / 4));
    table.#extra.reset(options.buckets);
    table.#fragments.reset(options.fragments);
    table.#holePool.reset(options.holes);
    return memory;
  }

  /** Octets that the memory of a table has. */
  static byteLength(options: FragmentTableOptions): number {
    return layoutOf(check(options)).length;
  }

  /**
   * @param memory what {@link createMemory} gave for the same options
   * @param statistics {@link STATISTICS_LENGTH} octets for what this thread counts: no other writes them
   * @param reinject what becomes of stored fragments when their first comes
   * @param observer true for a thread that only collects and must never wait for one that may have died
   */
  constructor(
    memory: ArrayBufferLike,
    options: FragmentTableOptions,
    statistics: Uint32Array,
    reinject: Reinject = () => {},
    observer = false,
  ) {
    const { size, fragments, mtu, ttl, holes } = check(options);
    const layout = layoutOf(options);
    this.#size = size;
    this.#mtu = mtu;
    this.#ttl = ttl * TICKS;
    this.#tracking = holes > 0;
    this.#words = new Int32Array(memory, 0, layout.octets >> 2);
    this.#entries = layout.entries >> 2;
    this.#hand = layout.hand >> 2;
    this.#k0 = this.#words[this.#hand + KEY]!;
    this.#k1 = this.#words[this.#hand + KEY + 1]!;
    const timeout = observer ? POOL_TIMEOUT_MS : Number.POSITIVE_INFINITY;
    this.#extra = new ItemPool(this.#words, layout.extraPool >> 2, this.#entries + size * ENTRY_WORDS, ENTRY_WORDS, timeout);
    this.#fragments = new ItemPool(this.#words, layout.fragmentPool >> 2, layout.fragments >> 2, FRAGMENT_WORDS, timeout);
    this.#stored = new StoredFragments(this.#words, this.#fragments, new Uint8Array(memory, layout.octets, fragments * mtu), mtu);
    this.#holePool = new ItemPool(this.#words, layout.holePool >> 2, layout.holes >> 2, HOLE_WORDS, timeout);
    this.#holes = new Holes(this.#words, this.#holePool);
    this.#pools = [layout.extraPool >> 2, layout.fragmentPool >> 2, layout.holePool >> 2];
    this.#statistics = statistics;
    this.#reinject = reinject;
  }

  /** Sets what time it is, in milliseconds by a clock that all threads share and that never goes back; before each batch. */
  set now(milliseconds: number) {
    this.#tick = (milliseconds * TICKS) | 0;
  }

  /** Begins new statistics. */
  resetStatistics({ size, buckets, fragments, mtu, ttl, holes }: FragmentTableOptions): void {
    const statistics = this.#statistics;
    statistics.fill(0);
    statistics[Statistic.TtlNanosLow] = (ttl * 1e6) % 2 ** 32;
    statistics[Statistic.TtlNanosHigh] = (ttl * 1e6) / 2 ** 32;
    statistics[Statistic.Size] = size;
    statistics[Statistic.Mtu] = mtu;
    statistics[Statistic.BucketsMax] = buckets;
    statistics[Statistic.FragmentsMax] = fragments;
    statistics[Statistic.HolesMax] = holes;
    statistics[Statistic.Magic] = STATISTICS_MAGIC;
  }

  /**
   * Handles a datagram's first fragment: notes the fwmark for the others, and sends on what came before it.
   *
   * @param fwmark what it was decided to get; a negative number when it is dropped, and the others with it
   * @returns the fwmark, {@link NO_ROOM} or {@link LOST}
   */
  first(key: PacketKey, fwmark: number): number {
    const words = this.#words;
    const bucket = (key.hashFragment(this.#k0, this.#k1) >>> 0) % this.#size;
    const guard = this.#at(bucket) + LOCK;
    let answer = fwmark;
    let stored = NONE;
    lock(words, guard);
    let entry = this.#find(bucket, key);
    const isNew = entry === NONE;
    if (isNew) entry = this.#insert(bucket, key);
    if (entry === NONE) answer = NO_ROOM;
    else {
      const at = this.#at(entry);
      if (words[at + STATE] !== STORING) answer = LOST;
      else if (fwmark < 0) this.#poison(at);
      else {
        words[at + STATE] = VALID;
        words[at + FWMARK] = fwmark;
        stored = words[at + LIST]!;
        // A datagram with fragments out of order is not followed: those stored will come again.
        const list = isNew && this.#tracking ? this.#holes.open() : UNTRACKED;
        words[at + LIST] = list === UNTRACKED ? UNTRACKED : this.#holes.fill(list, key.fragmentBegin, key.fragmentEnd, key.moreFragments);
      }
    }
    unlock(words, guard);
    // They belong to nobody else any more.
    if (stored !== NONE) this.#stored.release(stored, this.#reinject);
    return answer;
  }

  /**
   * Handles a later fragment, the packet `bytes[at .. at + length)`.
   *
   * @param whole octets that it had before it was cut
   * @returns its fwmark, `STORED`, {@link NO_ROOM}, {@link LOST} or {@link TOO_LONG}
   */
  later(key: PacketKey, bytes: Uint8Array, at: number, length: number, whole: number): number {
    const words = this.#words;
    const bucket = (key.hashFragment(this.#k0, this.#k1) >>> 0) % this.#size;
    const guard = this.#at(bucket) + LOCK;
    lock(words, guard);
    let entry = this.#find(bucket, key);
    if (entry === NONE) entry = this.#insert(bucket, key);
    const answer = entry === NONE ? NO_ROOM : this.#answer(bucket, entry, key, bytes, at, length, whole);
    unlock(words, guard);
    return answer;
  }

  /** Collects all that has expired, and notes how much is in use. Skips buckets that another thread holds, and counts them. */
  collect(): void {
    let active = 0;
    for (let bucket = 0; bucket < this.#size; bucket++) {
      const guard = this.#at(bucket) + LOCK;
      if (!tryLock(this.#words, guard)) {
        this.#count(Statistic.Skipped);
        continue;
      }
      active += this.#collectBucket(bucket);
      unlock(this.#words, guard);
    }
    const statistics = this.#statistics;
    statistics[Statistic.Active] = active;
    statistics[Statistic.FragmentsUsed] = this.#fragments.used;
    statistics[Statistic.HolesUsed] = this.#holePool.used;
  }

  /** Number of locks: one for each bucket, then one for each pool. */
  get locks(): number {
    return this.#size + this.#pools.length;
  }

  /** Word of a lock. */
  lockAt(i: number): number {
    return i < this.#size ? this.#at(i) + LOCK : this.#pools[i - this.#size]!;
  }

  #answer(bucket: number, entry: number, key: PacketKey, bytes: Uint8Array, at: number, length: number, whole: number): number {
    const words = this.#words;
    const entryAt = this.#at(entry);
    const state = words[entryAt + STATE]!;
    if (state === POISONED) return LOST;
    if (state === STORING) return this.#store(bucket, entryAt, bytes, at, length, whole);
    const fwmark = words[entryAt + FWMARK]!;
    const list = words[entryAt + LIST]!;
    if (list !== UNTRACKED) {
      const missing = this.#holes.fill(list, key.fragmentBegin, key.fragmentEnd, key.moreFragments);
      if (missing === COMPLETE) {
        words[entryAt + LIST] = UNTRACKED;
        this.#remove(bucket, entry);
        this.#count(Statistic.Reassembled);
      } else words[entryAt + LIST] = missing;
    }
    return fwmark;
  }

  #store(bucket: number, entryAt: number, bytes: Uint8Array, at: number, length: number, whole: number): number {
    const words = this.#words;
    if (whole > this.#mtu) {
      this.#poison(entryAt);
      return TOO_LONG;
    }
    // What follows the packet is padding of its link.
    const octets = Math.min(length, whole);
    const list = words[entryAt + LIST]!;
    let last = this.#stored.add(list, bytes, at, octets);
    if (last === NONE) {
      this.#scavenge(bucket);
      last = this.#stored.add(list, bytes, at, octets);
    }
    if (last === NONE) {
      this.#poison(entryAt);
      return NO_ROOM;
    }
    words[entryAt + LIST] = last;
    this.#count(Statistic.FragmentsAllocated);
    return STORED;
  }

  /** The rest of a datagram is to be dropped, and what was stored of it. */
  #poison(entryAt: number): void {
    this.#discard(entryAt);
    this.#words[entryAt + STATE] = POISONED;
  }

  /** Discards what an entry that is storing has stored. */
  #discard(entryAt: number): void {
    this.#statistics[Statistic.FragmentsDiscarded]! += this.#stored.release(this.#words[entryAt + LIST]!);
    this.#words[entryAt + LIST] = NONE;
  }

  /** The datagram's entry, used now, or {@link NONE}. Collects what has expired in the bucket. */
  #find(bucket: number, key: PacketKey): number {
    this.#count(Statistic.Lookups);
    const words = this.#words;
    const bucketAt = this.#at(bucket);
    let found = NONE;
    let used = 0;
    if (words[bucketAt + STATE] !== FREE) {
      if (this.#hasExpired(bucketAt)) {
        this.#release(bucket);
        this.#count(Statistic.Collected);
      } else {
        used++;
        if (this.#isOf(bucketAt, key)) found = bucket;
      }
    }
    for (let previous = bucket, entry = words[bucketAt + NEXT]!; entry !== NO_MORE; ) {
      const at = this.#at(entry);
      const next = words[at + NEXT]!;
      if (this.#hasExpired(at)) {
        this.#unchain(previous, entry);
        this.#count(Statistic.Collected);
      } else {
        if (found === NONE && this.#isOf(at, key)) found = entry;
        previous = entry;
        used++;
      }
      entry = next;
    }
    this.#chain = used;
    if (found !== NONE) this.#use(this.#at(found));
    return found;
  }

  /** Notes that an entry was used now, or when a thread whose clock is ahead used it. */
  #use(at: number): void {
    if (((this.#tick - this.#words[at + LAST_USE]!) | 0) > 0) this.#words[at + LAST_USE] = this.#tick;
  }

  #isOf(at: number, key: PacketKey): boolean {
    const words = this.#words;
    if (words[at + ID] !== key.fragmentId || words[at + PROTOCOL] !== key.fragmentProtocol) return false;
    const wanted = key.words;
    for (let i = 0; i < KEY_ID / 4; i++) if (words[at + ADDRESSES + i] !== wanted[i]) return false;
    return true;
  }

  /** Makes an entry for a datagram that {@link #find} has not found; {@link NONE} when there is no room for it. */
  #insert(bucket: number, key: PacketKey): number {
    this.#count(Statistic.Inserts);
    const words = this.#words;
    const bucketAt = this.#at(bucket);
    let entry = bucket;
    if (words[bucketAt + STATE] === FREE) {
      if (words[bucketAt + NEXT] !== NO_MORE) this.#count(Statistic.Collisions);
    } else {
      this.#count(Statistic.Collisions);
      if (this.#chain >= MAX_CHAIN) {
        this.#count(Statistic.Rejected);
        return NONE;
      }
      let extra = this.#extra.take();
      if (extra === NONE) {
        this.#scavenge(bucket);
        extra = this.#extra.take();
      }
      if (extra === NONE) {
        this.#count(Statistic.Rejected);
        return NONE;
      }
      this.#count(Statistic.BucketsAllocated);
      this.#count(Statistic.BucketsUsed);
      entry = this.#size + extra;
      words[this.#at(entry) + NEXT] = words[bucketAt + NEXT]!;
      words[bucketAt + NEXT] = entry;
    }
    const at = this.#at(entry);
    words[at + STATE] = STORING;
    words[at + LIST] = NONE;
    for (let i = 0; i < KEY_ID / 4; i++) words[at + ADDRESSES + i] = key.words[i]!;
    words[at + ID] = key.fragmentId;
    words[at + PROTOCOL] = key.fragmentProtocol;
    words[at + LAST_USE] = this.#tick;
    return entry;
  }

  /** @returns how many entries of the bucket are in use, when those that have expired are not any more */
  #collectBucket(bucket: number): number {
    const words = this.#words;
    const bucketAt = this.#at(bucket);
    let used = 0;
    if (words[bucketAt + STATE] !== FREE) {
      if (this.#hasExpired(bucketAt)) {
        this.#release(bucket);
        this.#count(Statistic.Collected);
      } else used++;
    }
    for (let previous = bucket, entry = words[bucketAt + NEXT]!; entry !== NO_MORE; ) {
      const next = words[this.#at(entry) + NEXT]!;
      if (this.#hasExpired(this.#at(entry))) {
        this.#unchain(previous, entry);
        this.#count(Statistic.Collected);
      } else {
        previous = entry;
        used++;
      }
      entry = next;
    }
    return used;
  }

  /**
   * Extra entries, or places for stored fragments, have run out, and some may have expired in buckets that no packet comes to: looks into a
   * few, the next ones each time, and at most once a tick. `own` is locked by the caller; another that is locked is left alone, or two threads could wait for each other.
   */
  #scavenge(own: number): void {
    const words = this.#words;
    if (Atomics.exchange(words, this.#hand + SCAVENGED_AT, this.#tick) === this.#tick) return;
    let bucket = (Atomics.add(words, this.#hand, SCAVENGED) >>> 0) % this.#size;
    for (let i = 0; i < SCAVENGED && i < this.#size; i++) {
      const guard = this.#at(bucket) + LOCK;
      if (bucket !== own && tryLock(words, guard)) {
        this.#collectBucket(bucket);
        unlock(words, guard);
      }
      if (++bucket === this.#size) bucket = 0;
    }
  }

  #remove(bucket: number, entry: number): void {
    if (entry === bucket) {
      this.#release(entry);
      return;
    }
    let previous = bucket;
    for (let next = this.#next(previous); next !== entry; next = this.#next(previous)) previous = next;
    this.#unchain(previous, entry);
  }

  /** Takes an extra entry out of its bucket. */
  #unchain(previous: number, entry: number): void {
    const words = this.#words;
    words[this.#at(previous) + NEXT] = words[this.#at(entry) + NEXT]!;
    this.#release(entry);
    this.#extra.give(entry - this.#size);
    this.#statistics[Statistic.BucketsUsed]!--;
  }

  /** Frees an entry and all that it has. */
  #release(entry: number): void {
    const at = this.#at(entry);
    if (this.#words[at + STATE] === STORING) this.#discard(at);
    else this.#holes.close(this.#words[at + LIST]!);
    this.#words[at + STATE] = FREE;
  }

  #hasExpired(at: number): boolean {
    const age = (this.#tick - this.#words[at + LAST_USE]!) | 0;
    return age > this.#ttl || age < -MAX_LEAD;
  }

  #next(entry: number): number {
    return this.#words[this.#at(entry) + NEXT]!;
  }

  #at(entry: number): number {
    return this.#entries + entry * ENTRY_WORDS;
  }

  #count(statistic: Statistic): void {
    this.#statistics[statistic]!++;
  }
}

function check(options: FragmentTableOptions): FragmentTableOptions {
  const limits = { size: 1, buckets: 0, fragments: 0, mtu: 1, ttl: 0, holes: 0 };
  for (const [name, least] of Object.entries(limits) as [keyof FragmentTableOptions, number][]) {
    const value = options[name];
    if (!Number.isInteger(value) || value < least || value > MAX_POOL) {
      throw new CoreError('out-of-range', `fragment table: ${name} ${value}: must be a whole number from ${least} to ${MAX_POOL}`);
    }
  }
  return options;
}
