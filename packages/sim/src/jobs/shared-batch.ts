import type { CaptureBatch } from '@nfqlb/captures';

/** Most packets of a batch. */
export const BATCH = 1024;
/** Octets of packets in a batch: more than a capture's window. */
const OCTETS = 1 << 21;
/** Octets of texts that a job can write for a batch. */
const TEXT = BATCH * 640;
/** A job leaves a packet alone if less room than this is left: more than a record and a comment, with names of up to 1,000 characters. */
const TEXT_MARGIN = 8192;

/** Who decides a packet that no job does: the main thread. */
export const MAIN = 255;

/** Memory of a batch that the main thread fills, and jobs decide. */
export interface SharedBatchMemory {
  readonly memory: SharedArrayBuffer;
  readonly jobs: number;
}

/** A batch in memory of all threads: the packets, which job has each, and what the jobs say. */
export class SharedBatch implements CaptureBatch {
  readonly bytes: Uint8Array;
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  readonly etherType: Uint16Array;
  readonly mark: Int32Array;
  readonly frame: Float64Array;
  readonly seconds: Float64Array;
  readonly nanoseconds: Uint32Array;
  readonly wireLength: Uint32Array;
  /** Which job decides each packet, or {@link MAIN}. A job that has no room for the texts leaves the packet to the main thread. */
  readonly job: Uint8Array;
  /** What the job decided: reason, bucket of the table, and the table's number; −1 for none. The fwmark is the mark. */
  readonly reason: Uint8Array;
  readonly bucket: Int32Array;
  readonly table: Int32Array;
  /** Where the record and the comment of each packet begin and end in the texts of its job. */
  readonly #textAt: Uint32Array;
  readonly #texts: readonly Buffer[];
  /** Packets in it. */
  readonly #count: Int32Array;
  readonly memory: SharedBatchMemory;
  /** Texts of this thread's job so far, in octets. */
  #written = 0;

  constructor(memory: SharedBatchMemory) {
    this.memory = memory;
    const place = new Places(memory.memory);
    this.#count = place.take(Int32Array, 2);
    this.frame = place.take(Float64Array, BATCH);
    this.seconds = place.take(Float64Array, BATCH);
    this.offset = place.take(Uint32Array, BATCH);
    this.length = place.take(Uint32Array, BATCH);
    this.mark = place.take(Int32Array, BATCH);
    this.nanoseconds = place.take(Uint32Array, BATCH);
    this.wireLength = place.take(Uint32Array, BATCH);
    this.bucket = place.take(Int32Array, BATCH);
    this.table = place.take(Int32Array, BATCH);
    this.#textAt = place.take(Uint32Array, 3 * BATCH);
    this.etherType = place.take(Uint16Array, BATCH);
    this.job = place.take(Uint8Array, BATCH);
    this.reason = place.take(Uint8Array, BATCH);
    this.bytes = place.take(Uint8Array, OCTETS);
    this.#texts = Array.from({ length: memory.jobs }, () => {
      const { buffer, byteOffset, length } = place.take(Uint8Array, TEXT);
      return Buffer.from(buffer, byteOffset, length);
    });
  }

  static createMemory(jobs: number): SharedBatchMemory {
    // Of each packet: two doubles, ten words, a short, two octets; and the count.
    return { memory: new SharedArrayBuffer(8 + BATCH * (16 + 40 + 4) + OCTETS + jobs * TEXT), jobs };
  }

  get count(): number {
    return this.#count[0]!;
  }

  /** Copies a batch. @returns false if it has too many octets */
  fill(batch: CaptureBatch, count: number): boolean {
    let [begin, end] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < count; i++) {
      begin = Math.min(begin, batch.offset[i]!);
      end = Math.max(end, batch.offset[i]! + batch.length[i]!);
    }
    if (count > BATCH || end - begin > OCTETS) return false;
    this.bytes.set(batch.bytes.subarray(begin, end));
    for (let i = 0; i < count; i++) this.offset[i] = batch.offset[i]! - begin;
    this.length.set(batch.length.subarray(0, count));
    this.etherType.set(batch.etherType.subarray(0, count));
    this.frame.set(batch.frame.subarray(0, count));
    this.seconds.set(batch.seconds.subarray(0, count));
    this.nanoseconds.set(batch.nanoseconds.subarray(0, count));
    this.wireLength.set(batch.wireLength.subarray(0, count));
    this.#count[0] = count;
    return true;
  }

  /** For a job: begins to write texts. */
  beginTexts(): void {
    this.#written = 0;
  }

  /** For a job: whether there is room for a packet's texts. */
  get hasRoom(): boolean {
    return this.#written + TEXT_MARGIN <= TEXT;
  }

  /** For a job: writes the record and the comment of a packet. */
  write(i: number, job: number, record: string, comment: string): void {
    const text = this.#texts[job]!;
    const middle = this.#written + text.write(record, this.#written);
    const end = middle + text.write(comment, middle);
    this.#textAt[3 * i] = this.#written;
    this.#textAt[3 * i + 1] = middle;
    this.#textAt[3 * i + 2] = end;
    this.#written = end;
  }

  recordOf(i: number): string {
    return this.#texts[this.job[i]!]!.toString('utf8', this.#textAt[3 * i]!, this.#textAt[3 * i + 1]!);
  }

  commentOf(i: number): string {
    return this.#texts[this.job[i]!]!.toString('utf8', this.#textAt[3 * i + 1]!, this.#textAt[3 * i + 2]!);
  }
}

interface TypedArrays<View> {
  readonly BYTES_PER_ELEMENT: number;
  new (memory: SharedArrayBuffer, at: number, length: number): View;
}

/** Gives out memory from its beginning; the wider elements must come first. */
class Places {
  readonly #memory: SharedArrayBuffer;
  #at = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
  }

  take<View>(views: TypedArrays<View>, length: number): View {
    const view = new views(this.#memory, this.#at, length);
    this.#at += length * views.BYTES_PER_ELEMENT;
    return view;
  }
}
