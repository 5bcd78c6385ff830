import {
  FragmentTable,
  type FragmentTableOptions,
  type HashKey,
  nameStatistics,
  type PacketKey,
  STATISTICS_LENGTH,
  Statistic,
} from '@nfqlb/core';

/** A stored fragment that is sent again, as from the tun device. */
export interface ReturningFragment {
  /** Its frame number in the capture, from 1. */
  readonly frame: number;
  readonly bytes: Uint8Array;
  /** Its octets on the wire. */
  readonly wireLength: number;
}

/** Octets after a stored fragment: its frame number and its length on the wire. */
const NOTE_SIZE = 12;
const NOTE_WIRE_LENGTH_AT = 8;

/** Fixed, so that the same capture gives the same collisions. */
const HASH_KEY: HashKey = [0, 0];

/** More than the longest IP packet (RFC 8200 §3: a header and 65,535 octets) and its note. */
const LONGEST = 1 << 17;

/**
 * A fragment table in virtual time, whose re-injected fragments come back with their frame numbers. These are stored after the fragment's
 * octets, so that nothing has to be kept next to the table and dropped when it drops a fragment.
 */
export class ReturningFragments extends FragmentTable {
  /** Fragments released by the last decision and not yet taken from here, in order. */
  readonly returning: ReturningFragment[];
  /** Number of the frame being decided. */
  frame = 0;

  /** The latest time of a packet so far, in milliseconds. */
  #latest = 0;
  readonly #statistics: Uint32Array;
  readonly #noted = new Uint8Array(LONGEST);
  readonly #note = new DataView(this.#noted.buffer);

  constructor(options: FragmentTableOptions) {
    const returning: ReturningFragment[] = [];
    const statistics = new Uint32Array(STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT);
    const noted = { ...options, mtu: options.mtu + NOTE_SIZE };
    super(FragmentTable.createMemory(noted, HASH_KEY), noted, statistics, (bytes, at, length) => {
      const copy = bytes.slice(at, at + length);
      const end = length - NOTE_SIZE;
      const note = new DataView(copy.buffer, end);
      returning.push({ frame: note.getFloat64(0), bytes: copy.subarray(0, end), wireLength: note.getUint32(NOTE_WIRE_LENGTH_AT) });
    });
    this.returning = returning;
    this.#statistics = statistics;
    this.resetStatistics(options);
  }

  /** Sets the time of a packet. If the capture's clock goes back, this one stands still. */
  advance(seconds: number, nanoseconds: number): void {
    const now = seconds * 1e3 + nanoseconds / 1e6;
    if (now <= this.#latest) return;
    this.#latest = now;
    this.now = now;
  }

  override later(key: PacketKey, bytes: Uint8Array, at: number, length: number, whole: number): number {
    const available = Math.min(length, whole);
    this.#noted.set(bytes.subarray(at, at + available));
    this.#note.setFloat64(available, this.frame);
    this.#note.setUint32(available + NOTE_WIRE_LENGTH_AT, whole);
    return super.later(key, this.#noted, 0, available + NOTE_SIZE, whole + NOTE_SIZE);
  }

  /** How many fragments have been looked up. */
  get lookups(): number {
    return this.#statistics[Statistic.Lookups]!;
  }

  /** The statistics by the names that `nfqlb stats` prints, after collecting expired entries. */
  statistics(): Record<string, number> {
    this.collect();
    return nameStatistics(this.#statistics);
  }
}
