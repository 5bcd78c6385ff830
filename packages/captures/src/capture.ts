import { END, ETH_P_IP, ETH_P_IPV6, type PacketBatch, type PacketSource } from '@nfqlb/core';
import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { ipLength } from './ip-length.js';
import { PCAP_HEADER_LENGTH, PcapReader } from './pcap.js';
import { PcapngReader } from './pcapng.js';
import { Frame, RecordFault, type RecordReader } from './record-reader.js';
import { decapsulate } from './tunnel.js';

/** A batch of a capture's packets, with what the capture recorded for each. */
export interface CaptureBatch extends PacketBatch {
  /** Frame number in the capture, from 1. */
  readonly frame: Float64Array;
  /** Capture time: seconds since the capture's first packet (negative if the clock went back), and nanoseconds from 0 to 999,999,999. */
  readonly seconds: Float64Array;
  readonly nanoseconds: Uint32Array;
  /** Octets of the packet on the wire, from its IP header on. */
  readonly wireLength: Uint32Array;
}

export interface CaptureOptions {
  /** Octets to read at a time; grows for longer records. */
  readonly window?: number;
  /** Maximum packets per batch. */
  readonly batch?: number;
  /** Whether packets in tunnels are taken out of them (tunnel.ts). Default false. */
  readonly decapsulate?: boolean;
}

/** Octets to read at a time. 256 KiB stays in a core's cache while its packets are decided; 4 MiB was slower by a tenth. */
const WINDOW = 1 << 18;

/**
 * The IP packets of a capture, as a packet source: pcap or pcapng, plain or gzip. Streams in constant
 * memory; a batch refers to the read buffer, so no packet is copied.
 *
 * If the capture is faulty, `receive` throws after returning everything before the fault.
 */
export class Capture implements PacketSource {
  /** Frames read so far, IP or not. */
  frames = 0;
  /** Skipped frames without an IP packet. */
  notIp = 0;
  /** Packets truncated by the snap length. */
  cut = 0;

  readonly #source: ByteSource;
  readonly #records: RecordReader;
  readonly #frame = new Frame();
  readonly #decapsulates: boolean;
  readonly #place = { at: 0, etherType: 0 };
  readonly #batch: { -readonly [Field in keyof CaptureBatch]: CaptureBatch[Field] };

  /** Data read but not yet consumed: `#window[#begin .. #end)`, at `#offset` in the capture. */
  #window: Uint8Array;
  #begin: number;
  #end: number;
  #offset: number;
  /** Octets that the next record needs. */
  #needed = 1;
  #ended = false;
  #failure: CaptureError | undefined;
  #firstSeconds = 0;
  #firstNanoseconds = -1;

  private constructor(source: ByteSource, records: RecordReader, header: Uint8Array, offset: number, options: CaptureOptions) {
    this.#source = source;
    this.#records = records;
    this.#window = new Uint8Array(Math.max(options.window ?? WINDOW, header.length));
    this.#window.set(header);
    this.#begin = 0;
    this.#end = header.length;
    this.#offset = offset;
    this.#decapsulates = options.decapsulate ?? false;
    const packets = options.batch ?? 1024;
    this.#batch = {
      bytes: this.#window,
      offset: new Uint32Array(packets),
      length: new Uint32Array(packets),
      etherType: new Uint16Array(packets),
      mark: new Int32Array(packets),
      frame: new Float64Array(packets),
      seconds: new Float64Array(packets),
      nanoseconds: new Uint32Array(packets),
      wireLength: new Uint32Array(packets),
    };
  }

  /**
   * Reads the beginning of a capture. Closes the source if that fails.
   *
   * @throws {@link CaptureError}
   */
  static async open(source: ByteSource, options: CaptureOptions = {}): Promise<Capture> {
    try {
      return await Capture.#recognise(source, options);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  static async #recognise(source: ByteSource, options: CaptureOptions): Promise<Capture> {
    const { name } = source;
    const magic = await readUpTo(source, 4);
    if (magic.length === 0) throw new CaptureError('not-a-capture', `${name}: empty; a capture has at least a file header`);
    if (magic.length === 4 && PcapngReader.recognises(magic)) return new Capture(source, new PcapngReader(), magic, 0, options);
    if (magic.length < 4 || !PcapReader.recognises(magic)) {
      const begin = Array.from(magic, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
      throw new CaptureError('not-a-capture', `${name}: not a capture: it begins with ${begin}; expected pcap or pcapng, plain or gzip`);
    }
    const header = new Uint8Array(PCAP_HEADER_LENGTH);
    header.set(magic);
    const rest = await readUpTo(source, PCAP_HEADER_LENGTH - magic.length);
    header.set(rest, magic.length);
    const have = magic.length + rest.length;
    if (have < header.length) throw cutOff(source, have, header.length, 'the file header');
    try {
      return new Capture(source, PcapReader.open(header), new Uint8Array(0), PCAP_HEADER_LENGTH, options);
    } catch (error) {
      throw captureError(source, 0, error);
    }
  }

  get batch(): CaptureBatch {
    return this.#batch;
  }

  /** For messages: the path, or `standard input`. */
  get name(): string {
    return this.#source.name;
  }

  /** How much of the file has been read, from 0 to 1; `undefined` when its size is unknown. */
  get progress(): number | undefined {
    const { size, consumed } = this.#source;
    return size === undefined ? undefined : consumed / Math.max(size, 1);
  }

  /** When its first packet came, from which the batches count: seconds since 1970 and nanoseconds. Known once there is a packet. */
  get begin(): { readonly seconds: number; readonly nanoseconds: number } {
    return { seconds: this.#firstSeconds, nanoseconds: Math.max(this.#firstNanoseconds, 0) };
  }

  receive(): number | Promise<number> {
    for (;;) {
      const count = this.#failure ? 0 : this.#take();
      if (count > 0) return count;
      if (this.#failure) throw this.#failure;
      if (this.#ended) return END;
      try {
        const read = this.#source.read(this.#makeRoom());
        if (typeof read !== 'number')
          return read
            .then(
              (octets) => this.#add(octets),
              (error: unknown) => this.#fail(error),
            )
            .then(() => this.receive());
        this.#add(read);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Nothing to do: a capture needs no verdicts. */
  settle(): void {}

  close(): void {
    this.#source.close();
  }

  /** Fills the batch from what has been read. */
  #take(): number {
    const batch = this.#batch;
    const frame = this.#frame;
    const window = this.#window;
    const end = this.#end;
    const capacity = batch.offset.length;
    batch.bytes = window;
    let begin = this.#begin;
    let count = 0;
    try {
      while (count < capacity) {
        const length = this.#records.read(window, begin, end, frame);
        this.#needed = length;
        if (begin + length > end) break;
        begin += length;
        if (frame.reader && this.#takeFrame(count)) count++;
      }
    } catch (error) {
      this.#failure = captureError(this.#source, this.#offset + begin - this.#begin, error);
    }
    this.#offset += begin - this.#begin;
    this.#begin = begin;
    return count;
  }

  /** Puts the packet of the frame just read into the batch; false if it carries none. */
  #takeFrame(i: number): boolean {
    const { at: begin, captured, original, seconds, nanoseconds, reader } = this.#frame;
    const place = this.#place;
    const window = this.#window;
    this.frames++;
    reader!(window, begin, begin + captured, place);
    if (this.#decapsulates) decapsulate(window, begin, begin + captured, place);
    const { etherType } = place;
    if (etherType !== ETH_P_IP && etherType !== ETH_P_IPV6) {
      this.notIp++;
      return false;
    }
    const at = begin + place.at;
    const available = begin + captured - at;
    // Anything after the packet is padding; the kernel strips it too, before a queue sees the packet.
    const wireLength = Math.min(ipLength(window, at, available, etherType) || Infinity, Math.max(original - place.at, available));
    const length = Math.min(available, wireLength);
    if (length < wireLength) this.cut++;

    if (this.#firstNanoseconds < 0) {
      this.#firstSeconds = seconds;
      this.#firstNanoseconds = nanoseconds;
    }
    const borrow = nanoseconds < this.#firstNanoseconds ? 1 : 0;
    const batch = this.#batch;
    batch.offset[i] = at;
    batch.length[i] = length;
    batch.etherType[i] = etherType;
    batch.frame[i] = this.frames;
    batch.seconds[i] = seconds - this.#firstSeconds - borrow;
    batch.nanoseconds[i] = nanoseconds - this.#firstNanoseconds + borrow * 1e9;
    batch.wireLength[i] = wireLength;
    return true;
  }

  /** Moves unconsumed data to the front of the window, growing it if the next record needs that; returns the free part. */
  #makeRoom(): Uint8Array {
    const rest = this.#window.subarray(this.#begin, this.#end);
    if (this.#needed > this.#window.length) {
      this.#window = new Uint8Array(this.#needed);
      this.#window.set(rest);
    } else {
      this.#window.copyWithin(0, this.#begin, this.#end);
    }
    this.#begin = 0;
    this.#end = rest.length;
    return this.#window.subarray(this.#end);
  }

  #add(octets: number): void {
    this.#end += octets;
    if (octets > 0) return;
    this.#ended = true;
    const have = this.#end - this.#begin;
    if (have > 0) this.#failure = cutOff(this.#source, this.#offset + have, this.#needed, `record ${this.frames + 1}`, have);
  }

  #fail(error: unknown): void {
    this.#failure = captureError(this.#source, this.#offset, error);
  }
}

async function readUpTo(source: ByteSource, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let have = 0;
  for (let read = -1; have < length && read !== 0; have += read) read = await source.read(bytes.subarray(have));
  return bytes.subarray(0, have);
}

function cutOff(source: ByteSource, offset: number, needed: number, what: string, have: number = offset): CaptureError {
  return new CaptureError(
    'cut-off',
    `${source.name}: cut off at ${place(source, offset)}: ${what} needs ${needed} octets, only ${have} are there`,
  );
}

function captureError(source: ByteSource, offset: number, error: unknown): CaptureError {
  if (error instanceof CaptureError) return error;
  if (!(error instanceof RecordFault)) throw error;
  return new CaptureError(error.code, `${source.name}: at ${place(source, offset)}: ${error.message}`, { cause: error });
}

function place(source: ByteSource, offset: number): string {
  return `byte ${offset}${source.unzipped ? ' of the unzipped capture' : ''}`;
}
