/**
 * T. Ettinger's Mulberry32, a pseudorandom generator: the same numbers in every run.
 *
 * @returns a function that returns the next number: 32 bits, unsigned
 */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}
