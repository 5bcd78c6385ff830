import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { damagedGzip, isGzip } from './gzip.js';

/**
 * The octets of a Blob, such as a file that was dropped on a page, without Node's modules. Data that begins like a gzip stream is unzipped.
 *
 * @param name for messages
 */
export async function openBlobSource(blob: Blob, name: string): Promise<ByteSource> {
  return new BlobSource(blob, name, isGzip(new Uint8Array(await blob.slice(0, 2).arrayBuffer())));
}

class BlobSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly unzipped: boolean;
  consumed = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Octets read so far, unzipped. What the stream had ready when it failed is lost. */
  #length = 0;
  /** Read, not yet returned. */
  #ahead: Uint8Array = new Uint8Array(0);

  constructor(blob: Blob, name: string, zipped: boolean) {
    this.name = name;
    this.size = blob.size;
    this.unzipped = zipped;
    const counted = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        this.consumed += chunk.length;
        controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      },
    });
    const octets: ReadableStream<Uint8Array<ArrayBuffer>> = blob.stream().pipeThrough(counted);
    this.#reader = (zipped ? octets.pipeThrough(new DecompressionStream('gzip')) : octets).getReader();
  }

  read(into: Uint8Array): number | Promise<number> {
    return this.#ahead.length > 0 ? this.#take(into) : this.#read(into);
  }

  close(): void {
    // A stream that has failed cannot be cancelled, and need not be.
    this.#reader.cancel().catch(() => {});
  }

  async #read(into: Uint8Array): Promise<number> {
    while (this.#ahead.length === 0) {
      const { value, done } = await this.#next();
      if (done) return 0;
      this.#length += value.length;
      this.#ahead = value;
    }
    return this.#take(into);
  }

  async #next(): Promise<{ readonly done: false; readonly value: Uint8Array } | { readonly done: true; readonly value?: unknown }> {
    try {
      return await this.#reader.read();
    } catch (cause) {
      if (this.unzipped) throw damagedGzip(this.name, this.#length, cause as Error);
      throw new CaptureError('unreadable', `${this.name}: ${(cause as Error).message}`, { cause });
    }
  }

  #take(into: Uint8Array): number {
    const length = Math.min(this.#ahead.length, into.length);
    into.set(this.#ahead.subarray(0, length));
    this.#ahead = this.#ahead.subarray(length);
    return length;
  }
}
