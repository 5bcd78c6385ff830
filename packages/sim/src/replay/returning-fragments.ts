import {
  type FragmentHashKey,
  FragmentTable,
  type FragmentTableOptions,
  nameStatistics,
  type PacketKey,
  STATISTICS_LENGTH,
} from '@nfqlb/core';

/** A stored fragment that is on its way again, as from the tun device. */
export interface ReturningFragment {
  /** Number of its frame in the capture, from 1. */
  readonly frame: number;
  readonly bytes: Uint8Array;
  /** Octets of it on the wire. */
  readonly wireLength: number;
}

/** Octets behind a stored fragment: the number of its frame, and its length on the wire. */
const NOTE = 12;
const NOTE_LENGTH = 8;

/** Fixed: the same capture gives the same collisions. */
const HASH_KEY: FragmentHashKey = [0, 0];

/** More than the longest IP packet (RFC 8200 §3: a header and 65,535 octets) and its note. */
const LONGEST = 1 << 17;

/**
 * A fragment table in virtual time, whose re-injected fragments come back with the numbers of their frames. That travels behind the
 * stored octets, so that nothing must be kept beside the table and forgotten when the table forgets.
 */
export class ReturningFragments extends FragmentTable {
  /** Fragments sent on by the last decision and not yet taken from here, in order. */
  readonly returning: ReturningFragment[];
  /** Number of the frame that is being decided. */
  frame = 0;

  /** The latest time of a packet so far, in milliseconds. */
  #latest = 0;
  readonly #statistics: Uint32Array;
  readonly #noted = new Uint8Array(LONGEST);
  readonly #note = new DataView(this.#noted.buffer);

  constructor(options: FragmentTableOptions) {
    const returning: ReturningFragment[] = [];
    const statistics = new Uint32Array(STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT);
    const noted = { ...options, mtu: options.mtu + NOTE };
    super(FragmentTable.createMemory(noted, HASH_KEY), noted, statistics, (bytes, at, length) => {
      const copy = bytes.slice(at, at + length);
      const end = length - NOTE;
      const note = new DataView(copy.buffer, end);
      returning.push({ frame: note.getFloat64(0), bytes: copy.subarray(0, end), wireLength: note.getUint32(NOTE_LENGTH) });
    });
    this.returning = returning;
    this.#statistics = statistics;
    this.resetStatistics(options);
  }

  /** The time of a packet. A capture's clock may go back; this one stands still then. */
  advance(seconds: number, nanoseconds: number): void {
    const now = seconds * 1e3 + nanoseconds / 1e6;
    if (now <= this.#latest) return;
    this.#latest = now;
    this.now = now;
  }

  override later(key: PacketKey, bytes: Uint8Array, at: number, length: number, whole: number): number {
    const there = Math.min(length, whole);
    this.#noted.set(bytes.subarray(at, at + there));
    this.#note.setFloat64(there, this.frame);
    this.#note.setUint32(there + NOTE_LENGTH, whole);
    return super.later(key, this.#noted, 0, there + NOTE, whole + NOTE);
  }

  /** The statistics by the names that `nfqlb stats` prints, after what has expired has been collected. */
  statistics(): Record<string, number> {
    this.collect();
    return nameStatistics(this.#statistics);
  }
}
