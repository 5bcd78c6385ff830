/** Words before those of the jobs: how many batches have been filled, whether no more will come, whether a job has failed. */
const FILLED = 0;
const ENDED = 1;
const FAILED = 2;
const JOBS = 3;

/** How long to wait before looking whether a job has failed, in milliseconds. */
const LOOK_MS = 1000;

/** Whose turn it is, in memory of all threads: the main thread counts the batches that it has filled, each job those that it has decided. */
export class Turns {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  static createMemory(jobs: number): SharedArrayBuffer {
    return new SharedArrayBuffer((JOBS + jobs) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** For the main thread: another batch is filled. */
  fill(): void {
    Atomics.add(this.#words, FILLED, 1);
    Atomics.notify(this.#words, FILLED);
  }

  /** For the main thread: no more batches will come. */
  end(): void {
    Atomics.store(this.#words, ENDED, 1);
    // So that those who wait for a batch look again.
    this.fill();
  }

  /** For a job: waits until there are more than `batches`. @returns false if none will come */
  waitForBatch(batches: number): boolean {
    while (Atomics.load(this.#words, FILLED) <= batches) Atomics.wait(this.#words, FILLED, batches);
    return Atomics.load(this.#words, ENDED) === 0 || Atomics.load(this.#words, FILLED) - 1 > batches;
  }

  /** For a job: it has decided another batch. */
  decide(job: number): void {
    Atomics.add(this.#words, JOBS + job, 1);
    Atomics.notify(this.#words, JOBS + job);
  }

  /** For a job: it cannot go on. */
  fail(): void {
    Atomics.store(this.#words, FAILED, 1);
  }

  /** For the main thread: waits until a job has decided more than `batches`. @returns false if a job has failed */
  waitForJob(job: number, batches: number): boolean {
    for (;;) {
      const decided = Atomics.load(this.#words, JOBS + job);
      if (decided > batches) return true;
      if (Atomics.load(this.#words, FAILED) !== 0) return false;
      Atomics.wait(this.#words, JOBS + job, decided, LOOK_MS);
    }
  }
}
