// Log level and trace mask in shared memory, as in C nfqlb: `i32 level; u32 tracemask`. Other programs may change them while a load balancer
// runs.

import { NativeError, SharedMemory } from '@nfqlb/native';

/** Levels, as in syslog(3). Messages above the current level are not logged. */
export const Level = { Warning: 4, Notice: 5, Info: 6, Debug: 7 } as const;
export type Level = (typeof Level)[keyof typeof Level];

export const MAX_LEVEL = 7;

const LEVEL = 0;
const TRACE_MASK = 1;
const LENGTH = 2 * Int32Array.BYTES_PER_ELEMENT;

/** Name of the shared memory: the same for all load balancers of a machine, unless `NFQLB_TRACE_SHM` is set. */
export function logConfigName(): string {
  return process.env.NFQLB_TRACE_SHM ?? 'nfqlb-trace';
}

export class LogConfig {
  readonly #name: string;
  #memory: SharedMemory | undefined;
  #words: Int32Array;
  /** Identity of the object that the name last referred to, whether usable or not. */
  #seen: string | undefined;

  /**
   * Opens the shared memory, or creates it as C nfqlb does.
   *
   * @param unusable called with the error if the shared memory cannot be used; level and mask are then private, starting with the default level and
   *   an empty mask. If absent, the error is thrown
   * @throws `NativeError`
   */
  constructor(name: string = logConfigName(), unusable?: (error: unknown) => void) {
    this.#name = name;
    this.#words = new Int32Array(new SharedArrayBuffer(LENGTH));
    this.#words[LEVEL] = Level.Notice;
    try {
      this.#open();
    } catch (error) {
      if (!unusable) throw error;
      unusable(error);
    }
  }

  get level(): number {
    return Atomics.load(this.#words, LEVEL);
  }

  set level(level: number) {
    Atomics.store(this.#words, LEVEL, level);
  }

  /** Areas to trace (areas.ts), 32 bits unsigned. */
  get traceMask(): number {
    return Atomics.load(this.#words, TRACE_MASK) >>> 0;
  }

  set traceMask(mask: number) {
    Atomics.store(this.#words, TRACE_MASK, mask | 0);
  }

  /** Adds areas atomically; returns the previous ones. */
  addAreas(mask: number): number {
    return Atomics.or(this.#words, TRACE_MASK, mask | 0) >>> 0;
  }

  /** Removes areas atomically. */
  removeAreas(mask: number): void {
    Atomics.and(this.#words, TRACE_MASK, ~mask);
  }

  /** Switches to new shared memory of that name, if it was replaced. Keeps the old one if the new one is missing, incomplete or not trusted. */
  reopen(): void {
    if (SharedMemory.identity(this.#name) === this.#seen) return;
    try {
      this.#open();
    } catch {
      // Keep the old one.
    }
  }

  close(): void {
    this.#memory?.close();
  }

  #open(): void {
    this.#seen = SharedMemory.identity(this.#name);
    const memory = openOrCreate(this.#name);
    const words = wordsOf(memory);
    this.#memory?.close();
    this.#memory = memory;
    this.#words = words;
    this.#seen = memory.identity;
  }
}

function openOrCreate(name: string): SharedMemory {
  try {
    return SharedMemory.open(name);
  } catch (error) {
    if (!(error instanceof NativeError) || error.code !== 'ENOENT') throw error;
    SharedMemory.create(name, LENGTH, (buffer) => {
      new Int32Array(buffer)[LEVEL] = Level.Notice;
    });
    return SharedMemory.open(name);
  }
}

function wordsOf(memory: SharedMemory): Int32Array {
  if (memory.buffer.byteLength >= LENGTH) return new Int32Array(memory.buffer, 0, LENGTH / Int32Array.BYTES_PER_ELEMENT);
  const { name, buffer } = memory;
  const octets = buffer.byteLength;
  memory.close();
  throw new NativeError('EINVAL', 'mapping', `shared memory ${name}: it has ${octets} octets, a log level and a trace mask take ${LENGTH}`);
}
