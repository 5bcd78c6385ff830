import type { CaptureBatch, PacketStream } from '@nfqlb/captures';
import { END } from '@nfqlb/core';

/** How many packets a disorder looks at together: a packet comes to a place less than this many away. */
export const DISORDER_WINDOW = 256;

/** Packets of a batch, at most. */
const BATCH = 256;

/** Places whose packets are kept: those that the disorder looks at, and those of the batch last given. */
const PLACES: number = DISORDER_WINDOW + BATCH;

/** Octets that a packet has room for, at first: a longer one makes the room grow. */
const ROOM = 2048;

/** A way to change the order of packets. Places are counted from 0, in the order of the capture. */
export interface Disorder {
  /** Takes note of the packet that came at `place`, `bytes[at .. at + length)`. Every packet is shown, in order. */
  arrive?(place: number, bytes: Uint8Array, at: number, length: number, etherType: number): void;
  /**
   * Settles which packet goes from `place`, by swapping the packets of places from there on. Every place is settled, in order.
   *
   * @param end the place after the last that may be touched: {@link DISORDER_WINDOW} further on, or where the capture ends
   */
  settle(place: number, end: number, swap: (a: number, b: number) => void): void;
}

/**
 * Packets in another order. The times stay where they are, so that they go on as in the capture: a packet gets the time of the place
 * that it comes to, and keeps the number of its frame. Holds a window of packets, however long the capture is.
 */
export class DisorderedStream implements PacketStream {
  readonly #source: PacketStream;
  readonly #disorder: Disorder;
  readonly #batch: { -readonly [Field in keyof CaptureBatch]: CaptureBatch[Field] };

  /** Packets of the source's batch, and how many of them have been taken. */
  #count = 0;
  #taken = 0;
  /** The next place to be given, and the one after the last that was taken: together, the window. */
  #front = 0;
  #head = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** By place, modulo {@link PLACES}: the cell of its packet, and its time. */
  readonly #cell: Uint32Array = Uint32Array.from({ length: PLACES }, (_, i) => i);
  readonly #seconds = new Float64Array(PLACES);
  readonly #nanoseconds = new Uint32Array(PLACES);
  readonly #swap = (a: number, b: number): void => {
    const cell = this.#cell[a % PLACES]!;
    this.#cell[a % PLACES] = this.#cell[b % PLACES]!;
    this.#cell[b % PLACES] = cell;
  };

  /** By cell: the packet, at a multiple of `#room`, and what is known of it. */
  #room = ROOM;
  #octets = new Uint8Array(PLACES * ROOM);
  readonly #length = new Uint32Array(PLACES);
  readonly #etherType = new Uint16Array(PLACES);
  readonly #frame = new Float64Array(PLACES);
  readonly #wireLength = new Uint32Array(PLACES);

  constructor(source: PacketStream, disorder: Disorder) {
    this.#source = source;
    this.#disorder = disorder;
    this.#batch = {
      bytes: this.#octets,
      offset: new Uint32Array(BATCH),
      length: new Uint32Array(BATCH),
      etherType: new Uint16Array(BATCH),
      mark: new Int32Array(BATCH),
      frame: new Float64Array(BATCH),
      seconds: new Float64Array(BATCH),
      nanoseconds: new Uint32Array(BATCH),
      wireLength: new Uint32Array(BATCH),
    };
  }

  get batch(): CaptureBatch {
    return this.#batch;
  }

  /** What the source throws is thrown after every packet that came before it has been given. */
  receive(): number | Promise<number> {
    for (;;) {
      this.#take();
      const given = this.#give();
      if (given > 0) return given;
      if (this.#failure) throw this.#failure.error;
      if (this.#ended) return END;
      try {
        const received = this.#source.receive();
        if (typeof received !== 'number')
          return received
            .then(
              (count) => this.#add(count),
              (error: unknown) => this.#fail(error),
            )
            .then(() => this.receive());
        this.#add(received);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** The verdicts are for whoever replays the capture. */
  settle(): void {}

  #add(count: number): void {
    if (count === END) this.#ended = true;
    this.#count = Math.max(count, 0);
    this.#taken = 0;
  }

  #fail(error: unknown): void {
    this.#add(END);
    this.#failure = { error };
  }

  /** Takes packets from the source's batch for as long as there are places for them. */
  #take(): void {
    const { bytes, offset, length, etherType, frame, seconds, nanoseconds, wireLength } = this.#source.batch;
    for (; this.#taken < this.#count && this.#head - this.#front < PLACES; this.#taken++, this.#head++) {
      const i = this.#taken;
      const place = this.#head % PLACES;
      const cell = this.#cell[place]!;
      const at = offset[i]!;
      if (length[i]! > this.#room) this.#makeRoom(length[i]!);
      this.#octets.set(bytes.subarray(at, at + length[i]!), cell * this.#room);
      this.#length[cell] = length[i]!;
      this.#etherType[cell] = etherType[i]!;
      this.#frame[cell] = frame[i]!;
      this.#wireLength[cell] = wireLength[i]!;
      this.#seconds[place] = seconds[i]!;
      this.#nanoseconds[place] = nanoseconds[i]!;
      this.#disorder.arrive?.(this.#head, bytes, at, length[i]!, etherType[i]!);
    }
  }

  /** Fills the batch with the packets of the places that can be settled. */
  #give(): number {
    const batch = this.#batch;
    let i = 0;
    for (; i < BATCH && this.#front < this.#head; i++, this.#front++) {
      // Only with the whole window in sight, so that the order does not depend on how the capture is read.
      if (!this.#ended && this.#head - this.#front < DISORDER_WINDOW) break;
      this.#disorder.settle(this.#front, Math.min(this.#front + DISORDER_WINDOW, this.#head), this.#swap);
      const place = this.#front % PLACES;
      const cell = this.#cell[place]!;
      batch.offset[i] = cell * this.#room;
      batch.length[i] = this.#length[cell]!;
      batch.etherType[i] = this.#etherType[cell]!;
      batch.frame[i] = this.#frame[cell]!;
      batch.wireLength[i] = this.#wireLength[cell]!;
      batch.seconds[i] = this.#seconds[place]!;
      batch.nanoseconds[i] = this.#nanoseconds[place]!;
    }
    batch.bytes = this.#octets;
    return i;
  }

  #makeRoom(length: number): void {
    const room = Math.max(length, 2 * this.#room);
    const octets = new Uint8Array(PLACES * room);
    for (let cell = 0; cell < PLACES; cell++) {
      octets.set(this.#octets.subarray(cell * this.#room, cell * this.#room + this.#length[cell]!), cell * room);
    }
    this.#room = room;
    this.#octets = octets;
  }
}
