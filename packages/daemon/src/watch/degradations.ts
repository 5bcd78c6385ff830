import type { Degradation } from '@nfqlb/protocol/status';
import { log } from '../log/log.js';

/**
 * What is not as it should be while packets are balanced nevertheless: by subject, since when, and why. Each change is logged once.
 *
 * Time is measured by a monotonic clock: setting the clock changes no duration.
 */
export class Degradations {
  readonly #now: () => number;
  readonly #bySubject = new Map<string, { readonly since: number; readonly problems: readonly string[] }>();

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * @param problems what is wrong now, a sentence each; empty: nothing any more
   * @param consequence what that means for the user, for the log: `the last good one stays in force`
   */
  tell(subject: string, problems: readonly string[], consequence?: string): void {
    const before = this.#bySubject.get(subject);
    if (problems.join('\n') === (before?.problems.join('\n') ?? '')) return;
    if (problems.length === 0) {
      this.#bySubject.delete(subject);
      log.notice(`${subject}: good again after ${this.#seconds(before!.since)} s`);
      return;
    }
    this.#bySubject.set(subject, { since: before?.since ?? this.#now(), problems });
    for (const problem of problems) log.warning(`${subject}: ${problem}${consequence === undefined ? '' : `; ${consequence}`}`);
  }

  /** In the order in which they began. */
  get all(): Degradation[] {
    return Array.from(this.#bySubject, ([subject, { since, problems }]) => ({ subject, problems, seconds: this.#seconds(since) }));
  }

  /** For `/healthz`: a sentence each. */
  get sentences(): string[] {
    return this.all.flatMap(({ subject, problems, seconds }) =>
      problems.map((problem) => `${subject}: degraded for ${seconds} s: ${problem}`),
    );
  }

  #seconds(since: number): number {
    return Math.round((this.#now() - since) / 1000);
  }
}
