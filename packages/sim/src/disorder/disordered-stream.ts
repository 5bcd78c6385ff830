import type { CaptureBatch, PacketStream } from '@nfqlb/captures';
import { END } from '@nfqlb/core';

/** How many packets a disorder works on at once: a packet moves by less than this many places. */
export const DISORDER_WINDOW = 256;

/** Maximum packets per batch. */
const BATCH = 256;

/** Places whose packets are kept: the disorder's window and the batch returned last. */
const PLACES: number = DISORDER_WINDOW + BATCH;

/** Initial octets per packet; grows when a longer packet arrives. */
const INITIAL_SLOT_SIZE = 2048;

/** A way to change the order of packets. Places are counted from 0, in the order of the capture. */
export interface Disorder {
  /** Notes the packet `bytes[at .. at + length)` that arrived at `place`. Called for every packet, in order. */
  arrive?(place: number, bytes: Uint8Array, at: number, length: number, etherType: number): void;
  /**
   * Decides which packet leaves from `place`, by swapping packets of this and later places. Called for every place, in order.
   *
   * @param end one past the last place that may be touched: {@link DISORDER_WINDOW} further on, or the end of the capture
   */
  settle(place: number, end: number, swap: (a: number, b: number) => void): void;
}

/**
 * Reorders packets. Timestamps stay in place, so they run as in the capture: a packet gets the time of the place it moves to, and keeps its
 * frame number. Holds one window of packets, however long the capture is.
 */
export class DisorderedStream implements PacketStream {
  readonly #source: PacketStream;
  readonly #disorder: Disorder;
  readonly #batch: { -readonly [Field in keyof CaptureBatch]: CaptureBatch[Field] };

  /** Packets in the source's batch, and how many of them have been taken. */
  #count = 0;
  #taken = 0;
  /** The next place to return, and one past the last place taken; the window lies between them. */
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

  /** By cell: the packet, at a multiple of `#slotSize`, and its metadata. */
  #slotSize = INITIAL_SLOT_SIZE;
  #octets = new Uint8Array(PLACES * INITIAL_SLOT_SIZE);
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

  /** Errors of the source are thrown after all packets before them have been returned. */
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

  /** Nothing to do: the replay uses the verdicts itself. */
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

  /** Takes packets from the source's batch while there are free places. */
  #take(): void {
    const { bytes, offset, length, etherType, frame, seconds, nanoseconds, wireLength } = this.#source.batch;
    for (; this.#taken < this.#count && this.#head - this.#front < PLACES; this.#taken++, this.#head++) {
      const i = this.#taken;
      const place = this.#head % PLACES;
      const cell = this.#cell[place]!;
      const at = offset[i]!;
      if (length[i]! > this.#slotSize) this.#growSlots(length[i]!);
      this.#octets.set(bytes.subarray(at, at + length[i]!), cell * this.#slotSize);
      this.#length[cell] = length[i]!;
      this.#etherType[cell] = etherType[i]!;
      this.#frame[cell] = frame[i]!;
      this.#wireLength[cell] = wireLength[i]!;
      this.#seconds[place] = seconds[i]!;
      this.#nanoseconds[place] = nanoseconds[i]!;
      this.#disorder.arrive?.(this.#head, bytes, at, length[i]!, etherType[i]!);
    }
  }

  /** Fills the batch with packets whose places can be settled. */
  #give(): number {
    const batch = this.#batch;
    let i = 0;
    for (; i < BATCH && this.#front < this.#head; i++, this.#front++) {
      // Wait for the whole window, so that the order does not depend on how the capture is read.
      if (!this.#ended && this.#head - this.#front < DISORDER_WINDOW) break;
      this.#disorder.settle(this.#front, Math.min(this.#front + DISORDER_WINDOW, this.#head), this.#swap);
      const place = this.#front % PLACES;
      const cell = this.#cell[place]!;
      batch.offset[i] = cell * this.#slotSize;
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

  #growSlots(length: number): void {
    const slotSize = Math.max(length, 2 * this.#slotSize);
    const octets = new Uint8Array(PLACES * slotSize);
    for (let cell = 0; cell < PLACES; cell++) {
      octets.set(this.#octets.subarray(cell * this.#slotSize, cell * this.#slotSize + this.#length[cell]!), cell * slotSize);
    }
    this.#slotSize = slotSize;
    this.#octets = octets;
  }
}
