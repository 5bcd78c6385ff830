import { END, ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import type { CaptureBatch } from '../capture.js';
import type { PacketStream } from '../packet-stream.js';
import type { Record } from './capture-builder.js';

export interface ListedPacketsOptions {
  /** Packets per batch, used in turn. */
  readonly batches?: readonly number[];
  /** Whether batches arrive asynchronously, as from gzip. */
  readonly later?: boolean;
  /** Error to throw at the end. */
  readonly failure?: Error;
}

/** Packets from a list, as if from a capture of raw IP. */
export class ListedPackets implements PacketStream {
  readonly batch: CaptureBatch;
  readonly #records: readonly Record[];
  readonly #options: ListedPacketsOptions;
  #given = 0;
  #turn = 0;

  constructor(records: readonly Record[], options: ListedPacketsOptions = {}) {
    this.#records = records;
    this.#options = options;
    const maxBatch = Math.max(...(options.batches ?? [64]));
    this.batch = {
      bytes: new Uint8Array(records.reduce((sum, { bytes }) => sum + bytes.length, 0)),
      offset: new Uint32Array(maxBatch),
      length: new Uint32Array(maxBatch),
      etherType: new Uint16Array(maxBatch),
      mark: new Int32Array(maxBatch),
      frame: new Float64Array(maxBatch),
      seconds: new Float64Array(maxBatch),
      nanoseconds: new Uint32Array(maxBatch),
      wireLength: new Uint32Array(maxBatch),
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
    // The previous batch is no longer valid.
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
