import { closeSync, openSync, writeSync } from 'node:fs';

/** A file that is written from its beginning, or standard output, with writes that wait. */
export class OutputFile {
  readonly #fd: number;

  /** @param path a new file, or `-` for standard output. Throws what `fs.openSync` throws */
  constructor(path: string) {
    this.#fd = path === '-' ? 1 : openSync(path, 'w');
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += this.#writeSome(bytes.subarray(at));
  }

  close(): void {
    if (this.#fd !== 1) closeSync(this.#fd);
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
