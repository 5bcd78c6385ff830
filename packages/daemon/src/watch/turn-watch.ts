import { log } from '../log/log.js';
import type { Counters } from '../shared/counters.js';

/** A turn of a worker's loop that is worth a word, in milliseconds: packets wait meanwhile. And one that should not be. */
const LONG = 1;
const TOO_LONG = 5;

/** Says, for who looks for a fault, that a worker was long busy with one batch, or with taking up flows. */
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
      if (milliseconds < LONG) return;
      log[milliseconds > TOO_LONG ? 'info' : 'debug'](`queue ${this.#firstQueue + worker}: a batch took ${milliseconds.toFixed(1)} ms`);
    });
  }
}
