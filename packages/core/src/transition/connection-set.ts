import { lockWithinSpins, unlock } from '../fragments/lock.js';
import { tabulationTables } from '../hash/tabulation.js';
import { CLIENT_WORDS, type PacketKey } from '../key/packet-key.js';
import { SharedMemory } from '../shared-memory.js';
import {
  BEGUN,
  FWMARK,
  HASH,
  HEADER,
  KEY,
  KEYED,
  LEARNED,
  LOCK,
  PLACE_WORDS,
  REFUSED,
  SET_WORDS,
  setsFor,
  TAKEN,
  tablesFrom,
  USE,
  WAYS,
  wordsFor,
} from './layout.js';

/** No such connection. */
export const UNKNOWN = -1;

/** What a remembered connection has shown so far. */
export const Mark = {
  /** Only its beginning: perhaps nobody is there. */
  Begun: 1,
  /** More than its beginning. */
  Open: 2,
  /** Its end. */
  Closing: 3,
} as const;

export type Mark = (typeof Mark)[keyof typeof Mark];

// Parts of `use` (layout.ts).
const MARK_MASK = 3;
const CHECK_MASK = 0xffc;
const SECONDS_SHIFT = 12;
const SECONDS_MASK: number = -1 << SECONDS_SHIFT;

/**
 * How long a connection is remembered of which only the beginning was seen, in seconds. Linux repeats a SYN after 1, 2, 4, 8 and 16 more seconds
 * (RFC 6298 §5). Short, because a SYN flood consists of nothing else.
 */
const BEGUN_S = 30;

/** How long a connection is remembered after its end, in seconds: the other side may still send, and acknowledgments come from here. */
const CLOSING_S = 60;

/** Places of a set for connections seen from their beginning. The others are for those that prove to be alive: a SYN flood cannot take these. */
const BEGUN_WAYS: number = WAYS - 2;

const DEFAULT_CONNECTIONS = 65536;
const DEFAULT_IDLE_S = 300;

export interface ConnectionSetOptions {
  /** How many connections there is room for. Default 65536: 2.5 MiB. */
  readonly connections?: number;
  /** How long a connection without packets is remembered, in seconds. Default 300. */
  readonly idle?: number;
}

/** Counts of all threads. */
export interface ConnectionCounts {
  /** Remembered now. */
  readonly remembered: number;
  /** Remembered since they began. */
  readonly begun: number;
  /** Remembered since a later packet. */
  readonly learned: number;
  /** For which there was no room, each time. */
  readonly refused: number;
}

/**
 * The connections whose target may differ from that of their bucket, and the target of each. Shared by all workers (layout.ts), each with its own
 * instance.
 *
 * Reading takes no lock. `use` changes by compare-and-exchange, from 0 only by the thread that has the lock and fills the place. That thread is never
 * waited for long: a connection that cannot be remembered is a case that the caller handles anyway. Allocates
 * nothing and throws nothing.
 *
 * A connection is known by 64 bits, a hash with a secret key and the hash that chose its bucket (docs/decisions/0009-transitions.md).
 */
export class ConnectionSet {
  /** Number of sets − 1. */
  readonly #mask: number;
  readonly #words: Int32Array;
  readonly #hashTables: Int32Array;
  /** By {@link Mark}: how long a connection may be silent, in seconds. */
  readonly #limits: Int32Array;
  readonly #tables: number;
  #now = 0;
  /** As in `use`: shifted, and modulo 2²⁰ (12 days). */
  #seconds = 0;
  #adoptions = 0;

  // The connection that was looked up last.
  #keyed = 0;
  #hash = 0;
  #table = 0;
  /** Word of its place, or −1, and what that was. */
  #at = -1;
  #use = 0;

  /** @param key of the hash: random for packets from untrusted senders, fixed for reproducible results */
  static createMemory({ connections = DEFAULT_CONNECTIONS }: ConnectionSetOptions, key: readonly [number, number]): SharedArrayBuffer {
    const memory = new SharedMemory(4 * wordsFor(setsFor(connections)));
    new Int32Array(memory).set(key, KEY);
    return memory;
  }

  /** Forgets all connections, whatever is in the memory but the key. Nobody may use it meanwhile. */
  static clear(memory: SharedArrayBuffer): void {
    const words = new Int32Array(memory);
    const key = words.slice(KEY, KEY + 2);
    words.fill(0);
    words.set(key, KEY);
  }

  /** Whether a thread has its lock: at rest, one that will never release it. */
  static isLocked(memory: SharedArrayBuffer): boolean {
    return Atomics.load(new Int32Array(memory), LOCK) !== 0;
  }

  /** @param memory returned by {@link createMemory} for the same options */
  constructor(memory: ArrayBufferLike, { connections = DEFAULT_CONNECTIONS, idle = DEFAULT_IDLE_S }: ConnectionSetOptions = {}) {
    this.#words = new Int32Array(memory);
    this.#mask = setsFor(connections) - 1;
    this.#hashTables = tabulationTables(CLIENT_WORDS, this.#words[KEY]!, this.#words[KEY + 1]!);
    this.#tables = tablesFrom(this.#mask + 1);
    this.#limits = Int32Array.of(0, Math.min(BEGUN_S, idle), idle, Math.min(CLOSING_S, idle));
  }

  /** How often {@link adopt} was called. */
  get adoptions(): number {
    return this.#adoptions;
  }

  /** Goes on with the connections of another process, which are in the memory now: what was found out about those before does not count any more. */
  adopt(): void {
    this.#adoptions++;
  }

  /** The current time, in milliseconds by the clock of the target tables' deadlines. Set it before each batch. */
  get now(): number {
    return this.#now;
  }

  set now(milliseconds: number) {
    this.#now = milliseconds;
    this.#seconds = Math.floor(milliseconds / 1000) << SECONDS_SHIFT;
  }

  /** False if nothing is remembered. */
  get occupied(): boolean {
    return Atomics.load(this.#words, TAKEN) > 0;
  }

  /** How often there was no room for a connection. */
  get refused(): number {
    return Atomics.load(this.#words, REFUSED) >>> 0;
  }

  /** Counts what is remembered now by looking at all places. */
  get counts(): ConnectionCounts {
    let remembered = 0;
    for (let place = HEADER; place < this.#tables; place += PLACE_WORDS) {
      const use = this.#words[place + USE]!;
      if (use !== 0 && !this.#hasExpired(use)) remembered++;
    }
    const count = (word: number): number => Atomics.load(this.#words, word) >>> 0;
    return { remembered, begun: count(BEGUN), learned: count(LEARNED), refused: this.refused };
  }

  /**
   * Looks a connection up; the other functions are about this one.
   *
   * @param hash that chose its bucket
   * @param portsOnly whether `hash` is over the ports alone, as for SCTP
   * @param table number of the target table
   * @returns the fwmark of its target, or `UNKNOWN`
   */
  find(key: PacketKey, hash: number, portsOnly: boolean, table: number): number {
    // Odd factor: the same connection in different tables has different hashes. Not 0, as in a place that was never filled.
    const keyed = key.hashClient(portsOnly, this.#hashTables) ^ Math.imul(table, 0x85ebca6b) || 1;
    this.#keyed = keyed;
    this.#hash = hash;
    this.#table = table;
    // Most connections are in the place that their hash prefers. Plain loads: Atomics.load costs more than everything else here.
    const words = this.#words;
    const place = this.#preferredPlace(keyed & this.#mask);
    if (words[place + KEYED] === keyed) {
      const fwmark = this.#read(place);
      if (fwmark !== UNKNOWN) return fwmark;
    }
    return this.#search();
  }

  /**
   * Whether the connection that {@link find} found seems to be over: a packet that begins a connection begins another one. Otherwise it is a
   * repetition, or forged. The end may have been missed: a target's RST does not come this way.
   */
  get isOver(): boolean {
    return (this.#use & MARK_MASK) === Mark.Closing || this.#age(this.#use) > BEGUN_S;
  }

  /** Notes a packet of the connection that {@link find} found. */
  use(mark: Mark): void {
    const seen = this.#use;
    // An end is not taken back, nor is the proof of being more than a beginning.
    const use = this.#seconds | (seen & CHECK_MASK) | Math.max(seen & MARK_MASK, mark);
    // At most once a second for each connection. If another thread has used it meanwhile, that is as good; if it has freed the place, this must not
    // change what has come there since.
    if (use !== seen) Atomics.compareExchange(this.#words, this.#at, seen, use);
  }

  /** Forgets the connection that {@link find} found. */
  forget(): void {
    this.#free(this.#at, this.#use);
  }

  /**
   * Remembers the connection that {@link find} did not find, or that {@link forget} forgot.
   *
   * @returns false if there was no room
   */
  remember(fwmark: number, mark: Mark): boolean {
    const words = this.#words;
    const set = this.#keyed & this.#mask;
    const other = this.#otherSet(set);
    // Look before taking the lock: a full set must cost no more than others.
    const inSet = this.#roomIn(set, mark);
    const inOther = this.#roomIn(other, mark);
    if ((inSet === 0 && inOther === 0) || !lockWithinSpins(words, LOCK)) return this.#refuse();
    // Another thread may have remembered it meanwhile (paths of one SCTP association may come by different queues).
    const isNew = this.#search() === UNKNOWN;
    const isFilled = isNew && this.#fill(inSet >= inOther ? set : other, fwmark, mark);
    // Only the thread that has the lock changes these.
    if (isFilled) words[mark === Mark.Begun ? BEGUN : LEARNED]!++;
    unlock(words, LOCK);
    return !isNew || isFilled || this.#refuse();
  }

  /**
   * Frees the places of expired connections, and of those of a target table that are not needed. For control paths: it reads all places.
   *
   * @param isNeeded receives the hash that chose the connection's bucket, unsigned, its fwmark, the seconds since its last packet, and whether it has ended
   */
  sweep(table: number, isNeeded: (hash: number, fwmark: number, seconds: number, hasEnded: boolean) => boolean): void {
    const words = this.#words;
    for (let place = HEADER, owner = this.#tables; place < this.#tables; place += PLACE_WORDS, owner++) {
      const use = words[place + USE]!;
      if (use === 0) continue;
      const hash = words[place + HASH]! >>> 0;
      if (this.#hasExpired(use)) {
        this.#free(place + USE, use);
        continue;
      }
      const isUnneeded =
        words[owner] === table && !isNeeded(hash, words[place + FWMARK]!, this.#age(use), (use & MARK_MASK) === Mark.Closing);
      if (isUnneeded) this.#free(place + USE, use);
    }
  }

  #refuse(): boolean {
    Atomics.add(this.#words, REFUSED, 1);
    return false;
  }

  /** Looks at all places of both sets. */
  #search(): number {
    const set = this.#keyed & this.#mask;
    const fwmark = this.#searchIn(set);
    return fwmark === UNKNOWN ? this.#searchIn(this.#otherSet(set)) : fwmark;
  }

  #searchIn(set: number): number {
    const words = this.#words;
    const keyed = this.#keyed;
    const begin = HEADER + set * SET_WORDS;
    for (let place = begin; place < begin + SET_WORDS; place += PLACE_WORDS) {
      if (words[place + KEYED] !== keyed) continue;
      const fwmark = this.#read(place);
      if (fwmark !== UNKNOWN) return fwmark;
    }
    return UNKNOWN;
  }

  /** The fwmark in a place whose `keyed` is that of the connection, if the rest is, too. */
  #read(place: number): number {
    const words = this.#words;
    const fwmark = words[place + FWMARK]!;
    const use = words[place + USE]!;
    // If another thread is just filling the place, these words may be those of two connections.
    if (words[place + HASH] !== this.#hash || use === 0 || ((use ^ this.#check(fwmark)) & CHECK_MASK) !== 0 || this.#hasExpired(use))
      return UNKNOWN;
    this.#at = place + USE;
    this.#use = use;
    return fwmark;
  }

  /** In the place of {@link CHECK_MASK}; the other bits mean nothing. */
  #check(fwmark: number): number {
    return Math.imul(this.#keyed ^ this.#hash ^ fwmark, 0x9e3779b1) >>> 20;
  }

  /** The connection's place in a set, if that is free; one of those for all connections. */
  #preferredPlace(set: number): number {
    return HEADER + set * SET_WORDS + (((this.#keyed >>> 26) * BEGUN_WAYS) >>> 6) * PLACE_WORDS;
  }

  /** Second set of the connection, chosen by other bits of its hash. */
  #otherSet(set: number): number {
    const other = (Math.imul(this.#keyed, 0x9e3779b1) >>> 9) & this.#mask;
    return other === set ? set ^ 1 : other;
  }

  /** Number of places that may be filled. */
  #roomIn(set: number, mark: Mark): number {
    const begin = HEADER + set * SET_WORDS;
    const end = begin + (mark === Mark.Begun ? BEGUN_WAYS : WAYS) * PLACE_WORDS;
    let room = 0;
    for (let place = begin; place < end; place += PLACE_WORDS) {
      const use = this.#words[place + USE]!;
      if (use === 0 || this.#hasExpired(use)) room++;
    }
    return room;
  }

  /** Fills a place of a set. The caller has the lock. */
  #fill(set: number, fwmark: number, mark: Mark): boolean {
    if (this.#fillPlace(this.#preferredPlace(set), fwmark, mark)) return true;
    const begin = HEADER + set * SET_WORDS;
    // Connections that are not seen from their beginning take the places that are only for them first.
    for (let way = (mark === Mark.Begun ? BEGUN_WAYS : WAYS) - 1; way >= 0; way--)
      if (this.#fillPlace(begin + way * PLACE_WORDS, fwmark, mark)) return true;
    return false;
  }

  #fillPlace(place: number, fwmark: number, mark: Mark): boolean {
    const words = this.#words;
    const use = words[place + USE]!;
    if (use !== 0 && !(this.#hasExpired(use) && this.#free(place + USE, use))) return false;
    words[place + KEYED] = this.#keyed;
    words[place + HASH] = this.#hash;
    words[place + FWMARK] = fwmark;
    words[this.#tables + (place - HEADER) / PLACE_WORDS] = this.#table;
    Atomics.store(words, place + USE, this.#seconds | (this.#check(fwmark) & CHECK_MASK) | mark);
    Atomics.add(words, TAKEN, 1);
    return true;
  }

  /** Frees a place, unless another thread has used it meanwhile. */
  #free(at: number, use: number): boolean {
    if (use === 0 || Atomics.compareExchange(this.#words, at, use, 0) !== use) return false;
    Atomics.sub(this.#words, TAKEN, 1);
    return true;
  }

  #hasExpired(use: number): boolean {
    return this.#age(use) > this.#limits[use & MARK_MASK]!;
  }

  /** Seconds since the last use; negative if a thread whose clock is ahead has used it. */
  #age(use: number): number {
    return (this.#seconds - (use & SECONDS_MASK)) >> SECONDS_SHIFT;
  }
}
