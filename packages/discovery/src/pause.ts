import { setTimeout as wait } from 'node:timers/promises';

/** Waits; ends early, without an error, when stopped. */
export async function pause(milliseconds: number, stopped: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal: stopped }).catch(() => {});
}

/** How long to wait before the next attempt: longer each time, and not the same at all load balancers of a tier. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #next: number;

  /** In milliseconds. */
  constructor(first = 200, longest = 5000) {
    this.#first = first;
    this.#longest = longest;
    this.#next = first;
  }

  reset(): void {
    this.#next = this.#first;
  }

  /** @param random from 0 to 1 */
  after(random: number = Math.random()): number {
    const delay = this.#next * (0.75 + random / 2);
    this.#next = Math.min(this.#longest, this.#next * 2);
    return delay;
  }
}
