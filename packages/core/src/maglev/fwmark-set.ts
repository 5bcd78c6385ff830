import { NONE } from './populate.js';

/** A set of fwmarks that is asked for each packet: open addressing, at most a quarter full. */
export class FwmarkSet {
  readonly #places: Int32Array;
  readonly #mask: number;

  /** @param fwmarks negative ones are ignored */
  constructor(fwmarks: readonly number[]) {
    let places = 8;
    while (places < 4 * fwmarks.length) places *= 2;
    this.#mask = places - 1;
    this.#places = new Int32Array(places).fill(NONE);
    for (const fwmark of fwmarks) if (fwmark >= 0) this.#places[this.#placeOf(fwmark)] = fwmark;
  }

  has(fwmark: number): boolean {
    return this.#places[this.#placeOf(fwmark)] === fwmark;
  }

  /** Where it is, or would be. */
  #placeOf(fwmark: number): number {
    // Fwmarks are often consecutive, or differ only in their upper bits.
    let place = (Math.imul(fwmark, 0x9e3779b1) >>> 16) & this.#mask;
    while (this.#places[place] !== NONE && this.#places[place] !== fwmark) place = (place + 1) & this.#mask;
    return place;
  }
}
