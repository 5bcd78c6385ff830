import { closeSync } from 'node:fs';
import { DescriptorMemory } from '@nfqlb/native';
import { FastPathError } from '../fast-path-error.js';
import { createMap } from './bpf-command.js';
import type { MapDefinition } from './elf-object.js';
import { missingCapabilities, systemError } from './system-error.js';

/** An array map of the program, in memory of this process. */
export class ArrayMap {
  readonly fd: number;
  /** Of the elements; all 0 at first. */
  readonly words: Uint32Array;
  readonly #memory: DescriptorMemory;

  /** @throws {@link FastPathError} `out-of-memory`, `not-supported`, `not-permitted` */
  constructor({ name, type, keySize, valueSize, flags }: MapDefinition, entries: number) {
    const octets = entries * valueSize;
    try {
      this.fd = createMap({ name, type, keySize, valueSize, entries, flags });
    } catch (error) {
      throw mapError(name, octets, error, missingCapabilities());
    }
    try {
      this.#memory = new DescriptorMemory(this.fd, octets);
      this.words = new Uint32Array(this.#memory.buffer, 0, octets / 4);
    } catch (error) {
      closeSync(this.fd);
      throw systemError(`mapping the map ${name}`, error);
    }
  }

  /** 64-bit views of {@link words}. */
  get longs(): BigUint64Array {
    return new BigUint64Array(this.words.buffer, 0, this.words.length / 2);
  }

  /** The kernel keeps it as long as a program uses it. */
  close(): void {
    this.#memory.close();
    closeSync(this.fd);
  }
}

/** @param missing capabilities that this process lacks */
export function mapError(name: string, octets: number, error: unknown, missing: readonly string[]): FastPathError {
  const what = `making the map ${name} of ${octets} octets`;
  const { code } = error as { code?: string };
  if (code === 'EINVAL')
    return new FastPathError('not-supported', `${what}: this kernel has no BPF_F_MMAPABLE; Linux 5.5 has`, { cause: error });
  // Before Linux 5.11, maps count toward RLIMIT_MEMLOCK.
  if (code === 'EPERM' && missing.length === 0) {
    return new FastPathError('out-of-memory', `${what}: RLIMIT_MEMLOCK is too low; set LimitMEMLOCK=infinity, or ulimit -l unlimited`, {
      cause: error,
    });
  }
  return systemError(what, error);
}
