import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { damagedGzip, isGzip } from './gzip.js';

/**
 * Opens a file, or standard input for `-`. Data that begins like a gzip stream (RFC 1952 §2.3.1) is unzipped, whatever the file name.
 *
 * @throws {@link CaptureError} `unreadable`
 */
export function openFileSource(path: string): ByteSource {
  const plain = new PlainSource(path);
  return isGzip(plain.peek(2)) ? new GzipSource(plain) : plain;
}

class PlainSource implements ByteSource {
  readonly name: string;
  readonly size: number | undefined;
  readonly unzipped = false;
  consumed = 0;
  readonly #fd: number;
  /** Read ahead by `peek`, not yet returned. */
  #ahead: Uint8Array = new Uint8Array(0);

  constructor(path: string) {
    this.name = path === '-' ? 'standard input' : path;
    try {
      this.#fd = path === '-' ? 0 : openSync(path, 'r');
    } catch (cause) {
      throw unreadable(this.name, cause);
    }
    const stat = fstatSync(this.#fd);
    if (stat.isDirectory()) {
      throw new CaptureError('unreadable', `${this.name}: a directory; expected a capture file, or - for standard input`);
    }
    this.size = stat.isFile() ? stat.size : undefined;
  }

  /** The first octets, up to `length` of them; `read` returns them again. Call before the first `read`. */
  peek(length: number): Uint8Array {
    const ahead = new Uint8Array(length);
    let have = 0;
    for (let read = -1; have < length && read !== 0; have += read) read = this.#read(ahead.subarray(have));
    this.#ahead = ahead.subarray(0, have);
    return this.#ahead;
  }

  read(into: Uint8Array): number {
    if (this.#ahead.length === 0) return this.#read(into);
    const length = Math.min(this.#ahead.length, into.length);
    into.set(this.#ahead.subarray(0, length));
    this.#ahead = this.#ahead.subarray(length);
    return length;
  }

  close(): void {
    if (this.#fd !== 0) closeSync(this.#fd);
  }

  #read(into: Uint8Array): number {
    for (;;) {
      try {
        const length = readSync(this.#fd, into);
        this.consumed += length;
        return length;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // On Windows and some pipes: the writer is gone.
        if (code === 'EOF') return 0;
        // Standard input that another process made non-blocking.
        if (code !== 'EAGAIN') throw unreadable(this.name, error);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
  }
}

/** Octets of gzip input unzipped at a time: deflate expands at most 1032 to 1 (RFC 1951), so this bounds the buffered output. */
const GZIP_CHUNK = 1 << 15;

class GzipSource implements ByteSource {
  readonly unzipped = true;
  readonly #file: PlainSource;
  readonly #gunzip = createGunzip();
  readonly #zipped = new Uint8Array(GZIP_CHUNK);
  /** Unzipped, not yet returned. */
  readonly #chunks: Uint8Array[] = [];
  /** Octets unzipped so far. */
  #length = 0;
  #ended = false;
  #failure: Error | undefined;

  constructor(file: PlainSource) {
    this.#file = file;
    // Events instead of an iterator: when the stream fails, an iterator loses what was unzipped before.
    this.#gunzip.on('data', (chunk: Uint8Array) => {
      this.#length += chunk.length;
      this.#chunks.push(chunk);
    });
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
    });
  }

  get name(): string {
    return this.#file.name;
  }

  get size(): number | undefined {
    return this.#file.size;
  }

  get consumed(): number {
    return this.#file.consumed;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunks.length === 0) {
      if (this.#failure) {
        throw damagedGzip(this.name, this.#length, this.#failure);
      }
      if (this.#ended) return 0;
      await this.#feed();
    }
    const chunk = this.#chunks[0]!;
    const length = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, length));
    if (length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(length);
    return length;
  }

  close(): void {
    this.#gunzip.destroy();
    this.#file.close();
  }

  /** Unzips the next piece of the file. The result, chunks or a failure, arrives as events before the promise resolves. */
  #feed(): Promise<void> {
    const length = this.#file.read(this.#zipped);
    return new Promise((resolve) => {
      this.#gunzip.once('error', () => resolve());
      if (length > 0) {
        this.#gunzip.write(this.#zipped.subarray(0, length), () => resolve());
      } else {
        this.#ended = true;
        this.#gunzip.once('end', () => resolve());
        this.#gunzip.end();
      }
    });
  }
}

function unreadable(name: string, cause: unknown): CaptureError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message;
  return new CaptureError('unreadable', `${name}: ${why}`, { cause });
}
