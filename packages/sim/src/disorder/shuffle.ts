import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';
import { DISORDER_WINDOW, type Disorder } from './disordered-stream.js';

/** Permutes the packets of each window at random (R. Durstenfeld's shuffle), with all orders equally likely. */
export class Shuffle implements Disorder {
  readonly #random: () => number;

  /** @param seed 32 bits; the same seed gives the same order */
  constructor(seed: number) {
    this.#random = mulberry32(seed);
  }

  settle(place: number, end: number, swap: (a: number, b: number) => void): void {
    // Windows are adjacent and do not overlap, so a packet stays in its own.
    const windowEnd = Math.min(end, place - (place % DISORDER_WINDOW) + DISORDER_WINDOW);
    swap(place, place + Math.floor((this.#random() / RANDOM_RANGE) * (windowEnd - place)));
  }
}
