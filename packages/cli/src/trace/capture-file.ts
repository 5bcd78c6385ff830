import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { pcapngHeader, pcapngPacket } from '@nfqlb/captures';
import { fileProblem } from '@nfqlb/options';
import type { SentPacket } from '@nfqlb/protocol/trace';
import { VERSION } from '../version.js';

const STDOUT = 1;

/** A capture that cannot be written. */
class CaptureFileError extends Error {
  override readonly name = 'CaptureFileError';
  readonly code = 'WRITE';
}

/** Writes traced packets to a capture as they arrive. The file is complete at any moment. */
export class CaptureFile {
  readonly #path: string;
  readonly #fd: number;
  #length = 0;

  /** Creates or overwrites the file; `-` is standard output. Throws {@link CaptureFileError}. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = path === '-' ? STDOUT : openSync(path, 'w');
    } catch (cause) {
      throw this.#error(cause);
    }
    this.#write(pcapngHeader(VERSION, 'nfqlb'));
  }

  /** @throws {@link CaptureFileError} when the disk is full; earlier packets stay intact */
  add({ time, wireLength, octets, comment }: SentPacket): void {
    const seconds = Math.floor(time / 1000);
    // The resolution of a double is about a quarter of a microsecond here.
    const nanoseconds = Math.floor((time - seconds * 1000) * 1000) * 1000;
    this.#write(pcapngPacket({ seconds, nanoseconds, octets: Buffer.from(octets, 'base64'), wireLength, comment }));
  }

  close(): void {
    if (this.#fd !== STDOUT) closeSync(this.#fd);
  }

  #write(block: Uint8Array): void {
    try {
      for (let at = 0; at < block.length; ) at += writeSync(this.#fd, block, at);
      this.#length += block.length;
    } catch (cause) {
      // The reader has ended, as in `| head`.
      if (this.#fd === STDOUT && (cause as NodeJS.ErrnoException).code === 'EPIPE') process.exit();
      this.#cutBack();
      throw this.#error(cause);
    }
  }

  /** Removes a partly written block. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } catch {
      // Pipes and devices cannot be truncated.
    }
  }

  #error(cause: unknown): CaptureFileError {
    return new CaptureFileError(`--write=${this.#path}: ${fileProblem(cause)}`, { cause });
  }
}
