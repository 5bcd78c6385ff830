import { type FragmentTable, nameStatistics, STATISTICS_LENGTH, Statistic, sumStatistics } from '@nfqlb/core';
import { machineTime, NativeError, SharedMemory } from '@nfqlb/native';
import { observedFragmentTable, type SharedFragments, statisticsOf } from './shared-fragments.js';

/** How long `stats` waits for the load balancer to collect expired entries, and how often it checks. */
const ANSWER_TIMEOUT_MS = 500;
const POLL_INTERVAL_MS = 5;

/** The sum of the workers' fragment statistics, in shared memory for `nfqlb stats`. Belongs to the main thread. */
export class FragmentStatistics {
  readonly #name: string;
  readonly #unusable: (error: unknown) => void;
  #memory: SharedMemory | undefined;
  #words: Uint32Array = new Uint32Array(new SharedArrayBuffer(STATISTICS_LENGTH));
  readonly #table: FragmentTable;
  readonly #threads: readonly Uint32Array[];

  /**
   * @param name of the shared memory
   * @param thread number of this thread; lower numbers are workers
   * @param unusable called with the error if the shared memory cannot be used; the statistics are then private and available only in the status
   */
  constructor(name: string, fragments: SharedFragments, thread: number, unusable: (error: unknown) => void) {
    this.#name = name;
    this.#unusable = unusable;
    this.#table = observedFragmentTable(fragments, thread);
    this.#table.resetStatistics(fragments.options);
    this.#threads = Array.from({ length: thread + 1 }, (_, i) => statisticsOf(fragments, i));
  }

  /** Publishes them in shared memory from now on. */
  claim(): void {
    try {
      this.#memory = claim(this.#name);
      this.#words = new Uint32Array(this.#memory.buffer);
    } catch (error) {
      this.#unusable(error);
    }
    this.publish();
  }

  /** Updates the shared memory. If a reader has asked, first collects expired entries. */
  publish(): void {
    const asked = this.#words[Statistic.Asked]!;
    if (asked !== this.#words[Statistic.Answered]) this.#collect();
    sumStatistics(this.#threads, this.#words);
    this.#words[Statistic.Answered] = asked;
  }

  /** Collects expired entries, and returns the statistics by their names in `nfqlb stats`. */
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
    this.#table.now = machineTime();
    this.#table.collect();
  }
}

/** Creates the shared memory, unless a running load balancer uses it, perhaps in another container with the same /dev/shm. */
function claim(name: string): SharedMemory {
  let before: SharedMemory | undefined;
  try {
    before = SharedMemory.open(name);
  } catch {
    // It does not exist, or belongs to another user: then creating it fails, or it is abandoned and can be replaced.
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

/** The statistics for `nfqlb stats`. Throws `NativeError` if no load balancer has created them. */
export function readFragmentStatistics(name: string): Record<string, number> {
  const memory = SharedMemory.open(name);
  try {
    const words = new Uint32Array(memory.buffer, 0, Math.floor(memory.buffer.byteLength / Uint32Array.BYTES_PER_ELEMENT));
    // C nfqlb has no such word; and the load balancer may have ended, hence the timeout.
    if (words.length > Statistic.Answered) {
      const asked = Atomics.add(words, Statistic.Asked, 1) + 1;
      const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      for (let waited = 0; ((words[Statistic.Answered]! - asked) | 0) < 0 && waited < ANSWER_TIMEOUT_MS; waited += POLL_INTERVAL_MS) {
        Atomics.wait(pause, 0, 0, POLL_INTERVAL_MS);
      }
    }
    return nameStatistics(words);
  } finally {
    memory.close();
  }
}
