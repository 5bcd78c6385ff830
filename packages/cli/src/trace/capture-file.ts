import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { pcapngHeader, pcapngPacket } from '@nfqlb/captures';
import { fileProblem } from '@nfqlb/options';
import type { SentPacket } from '@nfqlb/protocol/trace';
import { VERSION } from '../version.js';

const STDOUT = 1;

/** A capture that cannot be written. */
export class CaptureFileError extends Error {
  override readonly name = 'CaptureFileError';
  readonly code = 'WRITE';
}

/** Traced packets as a capture, each written as it comes: a whole file at any moment. */
export class CaptureFile {
  readonly #path: string;
  readonly #fd: number;
  #length = 0;

  /** Writes a new file, or to standard output for `-`. Throws {@link CaptureFileError}. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = path === '-' ? STDOUT : openSync(path, 'w');
    } catch (cause) {
      throw this.#error(cause);
    }
    this.#write(pcapngHeader(VERSION, 'nfqlb'));
  }

  /** @throws {@link CaptureFileError} when the disk is full; what was written before stays whole */
  add({ time, wireLength, octets, comment }: SentPacket): void {
    const seconds = Math.floor(time / 1000);
    // A double of today's milliseconds has quarters of microseconds.
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
      // Nobody reads any more: as `| head` ends a program.
      if (this.#fd === STDOUT && (cause as NodeJS.ErrnoException).code === 'EPIPE') process.exit();
      this.#cutBack();
      throw this.#error(cause);
    }
  }

  /** Takes away the half of a block. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } catch {
      // A pipe, or a device.
    }
  }

  #error(cause: unknown): CaptureFileError {
    return new CaptureFileError(`--write=${this.#path}: ${fileProblem(cause)}`, { cause });
  }
}
