// What C nfqlb keeps in shared memory for its log and trace, `i32 level; u32 tracemask`: any program of the machine may change it while a
// load balancer runs.

import { NativeError, SharedMemory } from '@nfqlb/native';

/** Levels, as syslog(3) numbers them. What is above the level is not said. */
export const Level = { Warning: 4, Notice: 5, Info: 6, Debug: 7 } as const;
export type Level = (typeof Level)[keyof typeof Level];

export const MAX_LEVEL = 7;

const LEVEL = 0;
const TRACE_MASK = 1;
const LENGTH = 2 * Int32Array.BYTES_PER_ELEMENT;

/** Its name: one for all load balancers of a machine, unless the environment says otherwise. */
export function logConfigName(): string {
  return process.env.NFQLB_TRACE_SHM ?? 'nfqlb-trace';
}

export class LogConfig {
  readonly #name: string;
  #memory: SharedMemory | undefined;
  #words: Int32Array;
  /** What the name led to when it was looked at last, whether that was of use or not. */
  #seen: string | undefined;

  /**
   * Opens it, or makes it as C nfqlb does.
   *
   * @param unusable is told why it cannot be had, and this goes on by itself, with the usual level and no mask; absent: that is an error
   * @throws `NativeError`
   */
  constructor(name: string = logConfigName(), unusable?: (error: unknown) => void) {
    this.#name = name;
    this.#words = new Int32Array(new SharedArrayBuffer(LENGTH));
    this.#words[LEVEL] = Level.Notice;
    try {
      this.#take();
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

  /** Adds areas, whatever others do at the same time; gives those that were there before. */
  addAreas(mask: number): number {
    return Atomics.or(this.#words, TRACE_MASK, mask | 0) >>> 0;
  }

  /** Removes areas likewise. */
  removeAreas(mask: number): void {
    Atomics.and(this.#words, TRACE_MASK, ~mask);
  }

  /** Takes up another one that the name leads to now. Where that is none, or is not whole or not ours to trust, this one goes on. */
  reopen(): void {
    if (SharedMemory.identity(this.#name) === this.#seen) return;
    try {
      this.#take();
    } catch {
      // As long as it lasts.
    }
  }

  close(): void {
    this.#memory?.close();
  }

  #take(): void {
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
