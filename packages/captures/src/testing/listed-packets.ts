import { END, ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import type { CaptureBatch } from '../capture.js';
import type { PacketStream } from '../packet-stream.js';
import type { Record } from './capture-builder.js';

export interface ListedPacketsOptions {
  /** Packets of each batch, by turns. */
  readonly batches?: readonly number[];
  /** Whether batches come later, as from gzip. */
  readonly later?: boolean;
  /** What is thrown at the end. */
  readonly failure?: Error;
}

/** The packets of a list, as if a capture of raw IP had them. */
export class ListedPackets implements PacketStream {
  readonly batch: CaptureBatch;
  readonly #records: readonly Record[];
  readonly #options: ListedPacketsOptions;
  #given = 0;
  #turn = 0;

  constructor(records: readonly Record[], options: ListedPacketsOptions = {}) {
    this.#records = records;
    this.#options = options;
    const most = Math.max(...(options.batches ?? [64]));
    this.batch = {
      bytes: new Uint8Array(records.reduce((sum, { bytes }) => sum + bytes.length, 0)),
      offset: new Uint32Array(most),
      length: new Uint32Array(most),
      etherType: new Uint16Array(most),
      mark: new Int32Array(most),
      frame: new Float64Array(most),
      seconds: new Float64Array(most),
      nanoseconds: new Uint32Array(most),
      wireLength: new Uint32Array(most),
    };
  }

  receive(): number | Promise<number> {
    return this.#options.later ? Promise.resolve().then(() => this.#receive()) : this.#receive();
  }

  settle(): void {}

  #receive(): number {
    const { batches = [64], failure } = this.#options;
    const packets = this.#records.slice(this.#given, this.#given + batches[this.#turn++ % batches.length]!);
    if (packets.length === 0 && this.#given === this.#records.length) {
      if (failure) throw failure;
      return END;
    }
    // What was here before belongs to nobody any more.
    this.batch.bytes.fill(0xee);
    let at = 0;
    for (const [i, { bytes, original = bytes.length, seconds = 0, nanoseconds = 0 }] of packets.entries()) {
      this.batch.bytes.set(bytes, at);
      this.batch.offset[i] = at;
      this.batch.length[i] = bytes.length;
      this.batch.etherType[i] = bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
      this.batch.frame[i] = this.#given + i + 1;
      this.batch.seconds[i] = seconds;
      this.batch.nanoseconds[i] = nanoseconds;
      this.batch.wireLength[i] = original;
      at += bytes.length;
    }
    this.#given += packets.length;
    return packets.length;
  }
}
