import { type FragmentTable, nameStatistics, STATISTICS_LENGTH, Statistic, sumStatistics } from '@nfqlb/core';
import { NativeError, SharedMemory } from '@nfqlb/native';
import { monotonicNow } from './monotonic-clock.js';
import { observedFragmentTable, type SharedFragments, statisticsOf } from './shared-fragments.js';

/** How long `stats` waits for the load balancer to collect what has expired, and how often it looks, in milliseconds. */
const ANSWER_TIMEOUT_MS = 500;
const LOOK_INTERVAL = 5;

/** The sum of what the workers count about fragments, in shared memory for `nfqlb stats`. The main thread's. */
export class FragmentStatistics {
  readonly #memory: SharedMemory | undefined;
  readonly #words: Uint32Array;
  readonly #table: FragmentTable;
  readonly #threads: readonly Uint32Array[];

  /**
   * @param name of the shared memory
   * @param thread this thread's number; those below are the workers'
   * @param unusable is told why the memory cannot be had; they are kept here alone then, and told to who asks for the status
   */
  constructor(name: string, fragments: SharedFragments, thread: number, unusable: (error: unknown) => void) {
    try {
      this.#memory = claim(name);
    } catch (error) {
      unusable(error);
    }
    this.#words = new Uint32Array(this.#memory?.buffer ?? new SharedArrayBuffer(STATISTICS_LENGTH));
    this.#table = observedFragmentTable(fragments, thread);
    this.#table.resetStatistics(fragments.options);
    this.#threads = Array.from({ length: thread + 1 }, (_, i) => statisticsOf(fragments, i));
    this.publish();
  }

  /** Makes the memory say what is the case now; when somebody has asked, after all that has expired was collected. */
  publish(): void {
    const asked = this.#words[Statistic.Asked]!;
    if (asked !== this.#words[Statistic.Answered]) this.#collect();
    sumStatistics(this.#threads, this.#words);
    this.#words[Statistic.Answered] = asked;
  }

  /** By the names of `nfqlb stats`, after all that has expired was collected. */
  read(): Record<string, number> {
    this.#collect();
    sumStatistics(this.#threads, this.#words);
    return nameStatistics(this.#words);
  }

  close(): void {
    this.publish();
    this.#memory?.close();
  }

  #collect(): void {
    this.#table.now = monotonicNow();
    this.#table.collect();
  }
}

/** Makes the memory, unless a running load balancer has it: perhaps in another container that has the same /dev/shm. */
function claim(name: string): SharedMemory {
  let before: SharedMemory | undefined;
  try {
    before = SharedMemory.open(name);
  } catch {
    // There is none, or none that is ours: then it cannot be replaced, or is left for dead.
  }
  try {
    if (before?.hold() === false) throw inUse(name);
    SharedMemory.create(name, STATISTICS_LENGTH, () => {});
    const memory = SharedMemory.open(name);
    if (memory.hold()) return memory;
    memory.close();
    throw inUse(name);
  } finally {
    before?.close();
  }
}

function inUse(name: string): NativeError {
  return new NativeError(
    'EBUSY',
    'opening',
    `shared memory ${name}: another load balancer keeps its statistics there; --ft_shm names another`,
  );
}

/** What `nfqlb stats` prints. Throws `NativeError` when no load balancer has made any. */
export function readFragmentStatistics(name: string): Record<string, number> {
  const memory = SharedMemory.open(name);
  try {
    const words = new Uint32Array(memory.buffer, 0, Math.floor(memory.buffer.byteLength / Uint32Array.BYTES_PER_ELEMENT));
    // C nfqlb has no such word, and no load balancer may be running.
    if (words.length > Statistic.Answered) {
      const asked = Atomics.add(words, Statistic.Asked, 1) + 1;
      const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      for (let waited = 0; ((words[Statistic.Answered]! - asked) | 0) < 0 && waited < ANSWER_TIMEOUT_MS; waited += LOOK_INTERVAL) {
        Atomics.wait(pause, 0, 0, LOOK_INTERVAL);
      }
    }
    return nameStatistics(words);
  } finally {
    memory.close();
  }
}
