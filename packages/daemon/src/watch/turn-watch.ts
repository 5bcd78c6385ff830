import { log } from '../log/log.js';
import type { Counters } from '../shared/counters.js';

/** Turns of a worker's loop that are logged for debugging, and those that are too long: packets wait meanwhile. */
const LONG_MS = 1;
const TOO_LONG_MS = 5;

/** Logs when a worker was busy for long with one batch, or with switching to new flows. */
export class TurnWatch {
  readonly #counters: Counters;
  readonly #firstQueue: number;

  constructor(counters: Counters, firstQueue: number) {
    this.#counters = counters;
    this.#firstQueue = firstQueue;
  }

  look(): void {
    this.#counters.takeLongestTurns().forEach((microseconds, worker) => {
      const milliseconds = microseconds / 1000;
      if (milliseconds < LONG_MS) return;
      log[milliseconds > TOO_LONG_MS ? 'info' : 'debug'](`queue ${this.#firstQueue + worker}: a batch took ${milliseconds.toFixed(1)} ms`);
    });
  }
}
