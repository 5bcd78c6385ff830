import { closeSync, openSync, writeSync } from 'node:fs';

/** Octets buffered before they are written. */
const CHUNK = 1 << 16;

/** Writes lines to a file, or to standard output, in large chunks and in order. */
export class RecordWriter {
  readonly #fd: number;
  #pending = '';

  /** @param path a new file, or `-` for standard output. Throws what `fs.openSync` throws */
  constructor(path: string) {
    this.#fd = path === '-' ? 1 : openSync(path, 'w');
  }

  write(line: string): void {
    this.#pending += `${line}\n`;
    if (this.#pending.length >= CHUNK) this.#flush();
  }

  close(): void {
    this.#flush();
    if (this.#fd !== 1) closeSync(this.#fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending);
    this.#pending = '';
    for (let at = 0; at < bytes.length; ) at += this.#writeSome(bytes.subarray(at));
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The reader of standard output is gone (`| head`): exit as a C program would.
      if (code === 'EPIPE' && this.#fd === 1) process.exit();
      // The pipe is full, and another process has made it non-blocking.
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      return 0;
    }
  }
}
