import { expect, test } from 'vitest';
import { mulberry32, RANDOM_RANGE } from './mulberry32.js';

test('produces the published sequence for seed 1', () => {
  const random = mulberry32(1);
  expect(random() / RANDOM_RANGE).toBe(0.6270739405881613);
  expect(random() / RANDOM_RANGE).toBe(0.002735721180215478);
});

test('a seed is 32 bits, and each seed gives a different sequence', () => {
  const first = (seed: number): number[] => {
    const random = mulberry32(seed);
    return [random(), random(), random()];
  };
  expect(first(2 ** 32 + 7)).toEqual(first(7));
  expect(first(0xffffffff)).toEqual(first(-1));
  expect(new Set([0, 1, 2, 3].flatMap(first)).size).toBe(12);
});
