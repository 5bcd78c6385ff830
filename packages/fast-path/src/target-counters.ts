/** Fwmarks with a counter of their own, as in the daemon; later ones are counted together. */
export const MAX_TARGETS = 4096;

/** Stands for all fwmarks beyond {@link MAX_TARGETS}. */
export const OTHERS = -1;

/** Which counter of the program counts a fwmark's packets. */
export class TargetCounters {
  readonly #first: number;
  readonly #counters = new Map<number, number>();

  /** @param first index of the first counter; {@link MAX_TARGETS} + 1 are used */
  constructor(first: number) {
    this.#first = first;
  }

  of(fwmark: number): number {
    const known = this.#counters.get(fwmark);
    if (known !== undefined) return known;
    if (this.#counters.size === MAX_TARGETS) return this.#first + MAX_TARGETS;
    const counter = this.#first + this.#counters.size;
    this.#counters.set(fwmark, counter);
    return counter;
  }

  /** All counters in use, by fwmark or {@link OTHERS}. */
  entries(): [fwmark: number, counter: number][] {
    return [...this.#counters, [OTHERS, this.#first + MAX_TARGETS]];
  }
}
