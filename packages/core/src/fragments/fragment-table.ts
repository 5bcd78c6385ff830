import { CoreError } from '../core-error.js';
import type { HashKey } from '../hash/half-siphash.js';
import { KEY_ID, KEY_SOURCE_PORT, type PacketKey } from '../key/packet-key.js';
import { STORED } from '../packet-batch.js';
import { SharedMemory } from '../shared-memory.js';
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
/** The first fragment has not arrived. */
const STORING = 1;
/** The first fragment has arrived. */
const VALID = 2;
/** A fragment was lost: the others are useless. */
const POISONED = 3;

/** End of a bucket's chain. 0, because memory is initially zero and extra entries are numbered from `size`. */
const NO_MORE = 0;

// Answers besides a fwmark and STORED.
/** No entry, or no room to store the fragment. */
export const NO_ROOM = -3;
/** A fragment of this datagram was lost, or this is its first fragment once more. */
export const LOST = -4;
/** Too long to be stored. */
export const TOO_LONG = -5;

const TICKS_PER_MS = 16;

/** A protocol number, in an entry's last word. */
const PROTOCOL_MASK = 0xff;

/**
 * How far another thread's time may be ahead, in ticks: an hour. A thread's time is when its batch arrived, and the thread may have been stopped
 * since. Times wrap after 2³² ticks, three days: an entry that was not used for so long seems alive again for an hour.
 */
const MAX_LEAD = 3_600_000 * TICKS_PER_MS;

/**
 * Maximum number of datagrams in a bucket, because every fragment must be compared with all of them. In a table with as many datagrams as buckets,
 * the chance to find 12 in a bucket is 10⁻⁹; with twice as many datagrams, 10⁻⁶.
 */
export const MAX_CHAIN = 12;

/** Maximum wait of a thread that must not block. A pool is normally locked for less than a microsecond. */
const POOL_TIMEOUT_MS = 10;

/**
 * Buckets to scan for expired entries when extra entries or places for stored fragments have run out, at most once per tick: it takes 3 µs of 62.
 * A table of 500 buckets is scanned in half a millisecond, and fragments that find it full cost no more than others.
 */
const SCAVENGED = 64;

/** Maximum number of entries, fragments or holes: their offsets are 32-bit word indexes. */
export const MAX_POOL: number = 2 ** 22;

/**
 * Stores the target of each fragmented datagram, as decided for its first fragment, and fragments that arrived before the first.
 *
 * All data is in memory that several threads can share (layout.ts), each with its own instance. A bucket is locked while it is used. Allocates
 * nothing and throws nothing.
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
  /** Words of the pools' locks. */
  readonly #pools: readonly number[];
  readonly #entries: number;
  readonly #hand: number;
  readonly #statistics: Uint32Array;
  readonly #reinject: Reinject;
  /** Number of entries in the bucket that was searched last. */
  #chain = 0;
  /** Current time in ticks, modulo 2³²: unlike milliseconds, this is a small integer for the engine. */
  #tick = 0;

  /**
   * Creates memory for a table, and writes to all of it, so that missing memory is noticed now, not when fragments arrive.
   *
   * @param key of the hash that selects buckets: random for packets from untrusted senders, fixed for reproducible results
   */
  static createMemory(options: FragmentTableOptions, key: HashKey): SharedArrayBuffer {
    const { length, hand } = layoutOf(check(options));
    let memory: SharedArrayBuffer;
    try {
      memory = new SharedMemory(length);
      new Int32Array(memory).set(key, (hand >> 2) + KEY);
      FragmentTable.clear(memory, options);
    } catch (cause) {
      throw new CoreError('out-of-memory', `a fragment table of ${length} octets is more than there is memory for`, { cause });
    }
    return memory;
  }

  /** Makes a table as it was when it was created, whatever is in its memory but the key. Nobody may use it meanwhile. */
  static clear(memory: SharedArrayBuffer, options: FragmentTableOptions): void {
    const words = new Int32Array(memory);
    const at = (layoutOf(options).hand >> 2) + KEY;
    const key = words.slice(at, at + 2);
    words.fill(0);
    words.set(key, at);
    const table = new FragmentTable(memory, options, new Uint32Array(STATISTICS_LENGTH / 4));
    table.#extra.reset(options.buckets);
    table.#fragments.reset(options.fragments);
    table.#holePool.reset(options.holes);
  }

  /** Whether a thread has a lock of it: at rest, one that will never release it. */
  static isLocked(memory: SharedArrayBuffer, options: FragmentTableOptions): boolean {
    const table = new FragmentTable(memory, options, new Uint32Array(STATISTICS_LENGTH / 4));
    for (let i = 0; i < table.locks; i++) if (Atomics.load(table.#words, table.lockAt(i)) !== 0) return true;
    return false;
  }

  /** Length of a table's memory in octets. */
  static byteLength(options: FragmentTableOptions): number {
    return layoutOf(check(options)).length;
  }

  /**
   * @param memory returned by {@link createMemory} for the same options
   * @param statistics {@link STATISTICS_LENGTH} octets for this thread's statistics: no other thread may write to them
   * @param reinject called with stored fragments when the first fragment arrives
   * @param observer true for a thread that only collects and must never wait for another one, which may have died
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
    this.#ttl = ttl * TICKS_PER_MS;
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

  /** Sets the current time, in milliseconds by a clock that all threads share and that never goes back. Set it before each batch. */
  set now(milliseconds: number) {
    this.#tick = (milliseconds * TICKS_PER_MS) | 0;
  }

  /** Resets the statistics. */
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
   * Handles a datagram's first fragment: stores the fwmark for the others, and reinjects those that arrived before it.
   *
   * A first fragment with other ports than the one before begins a new datagram, of which nothing is known: a sender may use an identification again
   * as soon as the datagram before has arrived, and of two connected sockets of a Linux client, both of which begin with a random one, they meet in one of
   * 65,536 pairs. With the same ports it is a duplicate.
   *
   * @param fwmark the decision for it; a negative number if it is dropped, and the others with it
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
    if (entry === NONE) entry = this.#insert(bucket, key);
    if (entry === NONE) answer = NO_ROOM;
    else {
      const at = this.#at(entry);
      const state = words[at + STATE]!;
      const identity = key.fragmentProtocol | portsOf(key);
      if (state === POISONED || (state === VALID && words[at + PROTOCOL] === identity)) answer = LOST;
      else if (fwmark < 0) this.#poison(at);
      else {
        if (state === STORING) stored = words[at + LIST]!;
        else this.#holes.close(words[at + LIST]!);
        words[at + STATE] = VALID;
        words[at + FWMARK] = fwmark;
        words[at + PROTOCOL] = identity;
        // Holes are not tracked for a datagram with stored fragments: they will arrive again.
        const list = stored === NONE && this.#tracking ? this.#holes.open() : UNTRACKED;
        words[at + LIST] = list === UNTRACKED ? UNTRACKED : this.#holes.fill(list, key.fragmentBegin, key.fragmentEnd, key.moreFragments);
      }
    }
    unlock(words, guard);
    // No other thread can reach the stored fragments any more.
    if (stored !== NONE) this.#stored.release(stored, this.#reinject);
    return answer;
  }

  /**
   * Handles a later fragment, the packet `bytes[at .. at + length)`.
   *
   * @param whole its length before it was truncated, in octets
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

  /** Collects all expired entries, and updates the usage statistics. Skips and counts buckets that another thread has locked. */
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

  /**
   * Counts the datagrams whose entries have not expired, and the places for stored fragments that are in use, without changing anything. Takes no
   * locks: exact if no other thread uses the table.
   */
  occupancy(): { readonly datagrams: number; readonly stored: number } {
    let datagrams = 0;
    for (let bucket = 0; bucket < this.#size; bucket++) {
      const at = this.#at(bucket);
      if (this.#words[at + STATE] !== FREE && !this.#hasExpired(at)) datagrams++;
      for (let entry = this.#next(bucket); entry !== NO_MORE; entry = this.#next(entry)) {
        if (!this.#hasExpired(this.#at(entry))) datagrams++;
      }
    }
    return { datagrams, stored: this.#fragments.used };
  }

  /** Number of locks: one for each bucket, then one for each pool. */
  get locks(): number {
    return this.#size + this.#pools.length;
  }

  /** Word index of a lock. */
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
    // Octets after the packet are link-layer padding.
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

  /** Drops the rest of a datagram, and discards its stored fragments. */
  #poison(entryAt: number): void {
    this.#empty(entryAt);
    this.#words[entryAt + STATE] = POISONED;
  }

  /** Frees everything that belongs to an entry. Stored fragments are discarded. */
  #empty(entryAt: number): void {
    const words = this.#words;
    const list = words[entryAt + LIST]!;
    if (words[entryAt + STATE] === STORING) this.#statistics[Statistic.FragmentsDiscarded]! += this.#stored.release(list);
    else this.#holes.close(list);
    words[entryAt + LIST] = NONE;
  }

  /** Finds the datagram's entry and marks it as used; {@link NONE} if there is none. Collects expired entries of the bucket. */
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

  /** Sets an entry's last use to now, unless a thread whose clock is ahead has used it later. */
  #use(at: number): void {
    if (((this.#tick - this.#words[at + LAST_USE]!) | 0) > 0) this.#words[at + LAST_USE] = this.#tick;
  }

  #isOf(at: number, key: PacketKey): boolean {
    const words = this.#words;
    if (words[at + ID] !== key.fragmentId || (words[at + PROTOCOL]! & PROTOCOL_MASK) !== key.fragmentProtocol) return false;
    const wanted = key.words;
    for (let i = 0; i < KEY_ID / 4; i++) if (words[at + ADDRESSES + i] !== wanted[i]) return false;
    return true;
  }

  /** Creates an entry for a datagram that {@link #find} has not found; {@link NONE} if there is no room. */
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

  /** Collects expired entries of a bucket. @returns the number of entries still in use */
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
   * Called when extra entries or places for stored fragments have run out: some may have expired in buckets that receive no packets. Scans a few
   * buckets, the next ones each time, at most once per tick. The caller holds the lock of `own`; other locked buckets are skipped, or two threads
   * could deadlock.
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

  /** Removes an extra entry from its bucket. */
  #unchain(previous: number, entry: number): void {
    const words = this.#words;
    words[this.#at(previous) + NEXT] = words[this.#at(entry) + NEXT]!;
    this.#release(entry);
    this.#extra.give(entry - this.#size);
    this.#statistics[Statistic.BucketsUsed]!--;
  }

  /** Frees an entry and everything that belongs to it. */
  #release(entry: number): void {
    const at = this.#at(entry);
    this.#empty(at);
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

/** The lower 24 bits of a first fragment's ports, or of its echo id, for an entry's last word. Connections with one destination port differ in them. */
function portsOf(key: PacketKey): number {
  return (key.words[KEY_ID / 4]! ^ key.words[KEY_SOURCE_PORT / 4]!) << 8;
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
