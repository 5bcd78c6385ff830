import type { CaptureBatch, CaptureTime } from '@nfqlb/captures';

/** Most packets of a batch. */
export const BATCH = 1024;
/** Octets of packets in a batch: more than a capture's window. */
const OCTETS = 1 << 21;
/** Octets that a job can write for a batch: records, and with blocks the packets as well. */
const OUTPUT = BATCH * 640;
const OUTPUT_WITH_BLOCKS = OUTPUT + OCTETS;
/** A job leaves a packet alone if, with the packet's octets, less room than this is left: a record and a comment, with the longest names. */
const MARGIN = 8192;

/** Who decides a packet that no job does: the main thread. */
export const MAIN = 255;

/** Memory of a batch that the main thread fills, and jobs decide. */
export interface SharedBatchMemory {
  readonly memory: SharedArrayBuffer;
  readonly jobs: number;
  /** Octets that each job can write. */
  readonly output: number;
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
  /** Where the record and the block of each packet begin and end in the output of its job. */
  readonly #places: Uint32Array;
  readonly #outputs: readonly Buffer[];
  /** Packets in it. */
  readonly #count: Int32Array;
  readonly memory: SharedBatchMemory;
  readonly #begin: Float64Array;
  /** Output of this thread's job so far, in octets. */
  #written = 0;

  constructor(memory: SharedBatchMemory) {
    this.memory = memory;
    const place = new Places(memory.memory);
    this.#count = place.take(Int32Array, 2);
    this.#begin = place.take(Float64Array, 2);
    this.frame = place.take(Float64Array, BATCH);
    this.seconds = place.take(Float64Array, BATCH);
    this.offset = place.take(Uint32Array, BATCH);
    this.length = place.take(Uint32Array, BATCH);
    this.mark = place.take(Int32Array, BATCH);
    this.nanoseconds = place.take(Uint32Array, BATCH);
    this.wireLength = place.take(Uint32Array, BATCH);
    this.bucket = place.take(Int32Array, BATCH);
    this.table = place.take(Int32Array, BATCH);
    this.#places = place.take(Uint32Array, 4 * BATCH);
    this.etherType = place.take(Uint16Array, BATCH);
    this.job = place.take(Uint8Array, BATCH);
    this.reason = place.take(Uint8Array, BATCH);
    this.bytes = place.take(Uint8Array, OCTETS);
    this.#outputs = Array.from({ length: memory.jobs }, () => {
      const { buffer, byteOffset, length } = place.take(Uint8Array, memory.output);
      return Buffer.from(buffer, byteOffset, length);
    });
  }

  /** @param blocks whether jobs write blocks of an annotated capture */
  static createMemory(jobs: number, blocks: boolean): SharedBatchMemory {
    const output = blocks ? OUTPUT_WITH_BLOCKS : OUTPUT;
    // The count and the beginning; of each packet: two doubles, eleven words, a short, two octets.
    return { memory: new SharedArrayBuffer(24 + BATCH * (16 + 44 + 4) + OCTETS + jobs * output), jobs, output };
  }

  get count(): number {
    return this.#count[0]!;
  }

  /** Copies a batch. @returns false if it has too many octets */
  fill(batch: CaptureBatch, count: number, { seconds, nanoseconds }: CaptureTime): boolean {
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
    this.#begin.set([seconds, nanoseconds]);
    return true;
  }

  /** When the capture's first packet came. */
  get begin(): CaptureTime {
    return { seconds: this.#begin[0]!, nanoseconds: this.#begin[1]! };
  }

  /** For a job: begins to write. */
  beginOutput(): void {
    this.#written = 0;
  }

  /** For a job: whether there is room for what it writes about a packet of so many octets. */
  hasRoomFor(octets: number): boolean {
    return this.#written + octets + MARGIN <= this.memory.output;
  }

  /** For a job: writes the record of a packet. */
  writeRecord(i: number, job: number, record: string): void {
    const output = this.#outputs[job]!;
    const end = this.#written + output.write(record, this.#written);
    output[end] = 0x0a;
    this.#note(2 * i, end + 1);
  }

  /** For a job: writes the block of a packet. */
  writeBlock(i: number, job: number, block: Uint8Array): void {
    this.#outputs[job]!.set(block, this.#written);
    this.#note(2 * i + 1, this.#written + block.length);
  }

  /** The record of a packet, a line in UTF-8. */
  recordOf(i: number): Uint8Array {
    return this.#output(i, 2 * i);
  }

  blockOf(i: number): Uint8Array {
    return this.#output(i, 2 * i + 1);
  }

  #note(place: number, end: number): void {
    this.#places[2 * place] = this.#written;
    this.#places[2 * place + 1] = end;
    this.#written = end;
  }

  #output(i: number, place: number): Uint8Array {
    return this.#outputs[this.job[i]!]!.subarray(this.#places[2 * place]!, this.#places[2 * place + 1]!);
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
