/**
 * T. Ettinger's mulberry32: a small generator; each seed gives a different sequence, the same on every machine.
 *
 * @param seed 32 bits
 * @returns a function that returns the next number of the sequence: 32 bits, unsigned
 */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Number of 32-bit values: a random number divided by this is from 0 to below 1. */
export const RANDOM_RANGE: number = 2 ** 32;
