import { type Answer, openSource } from '@nfqlb/discovery';
import type { SourceSettings } from '@nfqlb/discovery/settings';

/** Follows a source, and keeps what it says. Disposing of it ends it. */
export class Follower implements AsyncDisposable {
  answer: Answer | undefined;
  /** How many times something was answered. */
  answers = 0;
  failure: string | undefined;
  /** All failures so far. */
  readonly failures: string[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(settings: SourceSettings) {
    this.#ended = this.#follow(settings);
  }

  /** The addresses of all entries, sorted. */
  get addresses(): string[] | undefined {
    return this.answer?.entries.flatMap(({ addresses }) => addresses).toSorted();
  }

  async #follow(settings: SourceSettings): Promise<void> {
    const source = await openSource(settings);
    await source(
      {
        answered: (answer) => {
          this.answer = answer;
          this.answers++;
        },
        failed: (problem) => {
          this.failure = problem;
          if (problem !== undefined) this.failures.push(problem);
        },
      },
      this.#stop.signal,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
