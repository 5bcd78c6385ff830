// Passes traced packets from a worker to the main thread: a ring in shared memory with one writer and one reader, neither of which ever
// waits. When it is full, packets are counted as lost.
//
//        words                                    records, RECORD octets each
//   +---------+-------+------+------+ … +--------------------------+----------------+---
//   | areas   | flows | head | tail | lost  | numbers | key (10 words) | first octets  | …
//   +---------+-------+------+------+ … +--------------------------+----------------+---
//     main →    main →  ← worker   main →

import type { MessagePort } from 'node:worker_threads';
import { KEY_LENGTH, type Kind, PacketKey, type Reason } from '@nfqlb/core';

/** Octets of a packet to keep: all that a decision depends on. */
export const SNAP_LENGTH = 512;

/** Packets that fit: those of 40 ms at 100,000/s; the main thread reads every 10 ms. */
const RECORDS = 4096;

// Words of the header. Those that are written often have their own cache lines.
const AREAS = 0;
const FLOWS = 1;
const HEAD = 16;
const TAIL = 32;
const LOST = 48;
const HEADER_WORDS = 64;

// Words of a record. The time is a double, in milliseconds since 1970: two words, aligned.
const TIME = 0;
const MATCHED = 2;
const FWMARK = 3;
const REASON = 4;
const KIND = 5;
const HASH = 6;
const BUCKET = 7;
const BUCKETS = 8;
const FLOW = 9;
const GENERATION = 10;
const TRACE_FLOW = 11;
const TRACE_GENERATION = 12;
const ETHER_TYPE = 13;
const WIRE_LENGTH = 14;
const CAPTURED = 15;
const FRAGMENT_ID = 16;
const FAMILY = 17;
const KEY = 18;
const OCTETS = 28;
const RECORD_WORDS = OCTETS + SNAP_LENGTH / Int32Array.BYTES_PER_ELEMENT;

/** A traced packet, with its decision. */
export interface TracedPacket {
  /** The trace areas that it belongs to. */
  readonly areas: number;
  /** When its batch was received, in milliseconds since 1970. */
  readonly time: number;
  readonly fwmark: number;
  readonly reason: Reason;
  readonly kind: Kind;
  /** 32 bits, unsigned. `hash` and `buckets` are valid only if `bucket` is not −1. */
  readonly hash: number;
  readonly bucket: number;
  readonly buckets: number;
  /** Index of its flow in this generation of flows; −1 for none. */
  readonly flow: number;
  readonly generation: number;
  /** Index of the matching trace flow in this generation of trace flows; −1 for none. */
  readonly traceFlow: number;
  readonly traceGeneration: number;
  readonly etherType: number;
  /** Its length on the wire in octets, and its first octets. */
  readonly wireLength: number;
  readonly octets: Uint8Array;
  readonly key: PacketKey;
}

/** A worker's data about a packet; one object, reused for each packet. */
export class PacketNote implements Omit<TracedPacket, 'octets' | 'key'> {
  areas = 0;
  time = 0;
  fwmark = 0;
  reason: Reason = 0;
  kind: Kind = 0;
  hash = 0;
  bucket = 0;
  buckets = 0;
  flow = 0;
  generation = 0;
  traceFlow = 0;
  traceGeneration = 0;
  etherType = 0;
  wireLength = 0;
}

export class PacketRing {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #octets: Uint8Array;

  /** @param memory of an existing ring; absent to create one. Pages that are never written take no memory. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * (HEADER_WORDS + RECORDS * RECORD_WORDS))) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#octets = new Uint8Array(memory);
  }

  /** Areas to trace; 0, the normal case, for none. Set by the main thread, read by the worker. */
  get areas(): number {
    return Atomics.load(this.#words, AREAS);
  }

  set areas(areas: number) {
    Atomics.store(this.#words, AREAS, areas);
  }

  /** Generation of the newest trace flows. Set by the main thread, read by the worker. */
  get flows(): number {
    return Atomics.load(this.#words, FLOWS);
  }

  set flows(generation: number) {
    Atomics.store(this.#words, FLOWS, generation);
  }

  /** Packets that did not fit since the ring was created; wraps. */
  get lost(): number {
    return Atomics.load(this.#words, LOST);
  }

  /** Called by the worker. Copies the packet at `bytes[at]`, of which `length` octets are available. */
  put(note: PacketNote, key: PacketKey, bytes: Uint8Array, at: number, length: number): void {
    const words = this.#words;
    const head = Atomics.load(words, HEAD);
    if (((head - Atomics.load(words, TAIL)) | 0) >= RECORDS) {
      Atomics.add(words, LOST, 1);
      return;
    }
    const record = recordAt(head);
    this.#doubles[(record + TIME) >> 1] = note.time;
    words[record + MATCHED] = note.areas;
    words[record + FWMARK] = note.fwmark;
    words[record + REASON] = note.reason;
    words[record + KIND] = note.kind;
    words[record + HASH] = note.hash;
    words[record + BUCKET] = note.bucket;
    words[record + BUCKETS] = note.buckets;
    words[record + FLOW] = note.flow;
    words[record + GENERATION] = note.generation;
    words[record + TRACE_FLOW] = note.traceFlow;
    words[record + TRACE_GENERATION] = note.traceGeneration;
    words[record + ETHER_TYPE] = note.etherType;
    words[record + WIRE_LENGTH] = note.wireLength;
    const captured = Math.min(length, SNAP_LENGTH);
    words[record + CAPTURED] = captured;
    words[record + FRAGMENT_ID] = key.fragmentId;
    words[record + FAMILY] = key.family;
    words.set(key.words, record + KEY);
    this.#octets.set(bytes.subarray(at, at + captured), Int32Array.BYTES_PER_ELEMENT * (record + OCTETS));
    Atomics.store(words, HEAD, (head + 1) | 0);
  }

  /** Called by the main thread. Discards all packets. */
  clear(): void {
    Atomics.store(this.#words, TAIL, Atomics.load(this.#words, HEAD));
  }

  /** Called by the main thread. Removes the oldest packet and returns it; `undefined` if there is none. */
  take(): TracedPacket | undefined {
    const words = this.#words;
    const tail = Atomics.load(words, TAIL);
    if (tail === Atomics.load(words, HEAD)) return undefined;
    const record = recordAt(tail);
    const key = new PacketKey();
    for (let i = 0; i < KEY_LENGTH / Int32Array.BYTES_PER_ELEMENT; i++) key.words[i] = words[record + KEY + i]!;
    key.fragmentId = words[record + FRAGMENT_ID]!;
    key.family = words[record + FAMILY]!;
    const octets = Int32Array.BYTES_PER_ELEMENT * (record + OCTETS);
    const packet: TracedPacket = {
      time: this.#doubles[(record + TIME) >> 1]!,
      areas: words[record + MATCHED]!,
      fwmark: words[record + FWMARK]!,
      reason: words[record + REASON]! as Reason,
      kind: words[record + KIND]! as Kind,
      hash: words[record + HASH]! >>> 0,
      bucket: words[record + BUCKET]!,
      buckets: words[record + BUCKETS]!,
      flow: words[record + FLOW]!,
      generation: words[record + GENERATION]!,
      traceFlow: words[record + TRACE_FLOW]!,
      traceGeneration: words[record + TRACE_GENERATION]!,
      etherType: words[record + ETHER_TYPE]!,
      wireLength: words[record + WIRE_LENGTH]!,
      octets: this.#octets.slice(octets, octets + words[record + CAPTURED]!),
      key,
    };
    Atomics.store(words, TAIL, (tail + 1) | 0);
    return packet;
  }
}

/** Offset of a record in words. Its number wraps at 2³². */
function recordAt(number: number): number {
  return HEADER_WORDS + (number & (RECORDS - 1)) * RECORD_WORDS;
}

/** What a worker needs to pass traced packets to the main thread. */
export interface TapOptions {
  /** Memory of the worker's `PacketRing`. */
  readonly ring: SharedArrayBuffer;
  /** Port on which trace flows arrive. */
  readonly flows: MessagePort;
}
