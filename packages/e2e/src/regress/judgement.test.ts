import { randomNumbers } from '@nfqlb/core/testing';
import { describe, expect, test } from 'vitest';
import { judge } from './judgement.js';

/** Ratios of pairs on a machine that is now and then half as fast for one of them. */
function pairs(count: number, change: number, next: () => number): number[] {
  const time = (): number => 70 * (1 + 0.05 * next()) * (next() < 0.15 ? 1 + next() : 1);
  return Array.from({ length: count }, () => (time() * change) / time());
}

test('the limits are the values between which the median is, from tables of the binomial distribution', () => {
  const ratios = Array.from({ length: 20 }, (_, i) => i + 1);
  // Of 20 values, at most 5 are below the median with a probability of 0.0207, at most 3 with 0.0013.
  expect(judge(ratios, 0, 0.025)).toMatchObject({ ratio: 10.5, low: 6, high: 15 });
  expect(judge(ratios, 0, 0.002)).toMatchObject({ low: 4, high: 17 });
  expect(judge([1, 2, 3, 4, 5], 0, 0.04)).toMatchObject({ ratio: 3, low: 1, high: 5 });
});

test('too few pairs to be sure', () => {
  expect(() => judge([2, 2, 2, 2], 0, 0.05)).toThrow('4 pairs are too few for a risk of 0.05');
});

describe('of 1,000 comparisons in much noise', () => {
  const verdicts = (change: number): Record<string, number> => {
    const numbers = randomNumbers(1);
    const next = (): number => numbers() / 2 ** 32;
    const counts: Record<string, number> = { worse: 0, same: 0, better: 0 };
    for (let i = 0; i < 1000; i++) counts[judge(pairs(40, change, next), 0.03, 0.001).verdict]!++;
    return counts;
  };

  test('none without a change is an alarm', () => {
    expect(verdicts(1)).toEqual({ worse: 0, same: 1000, better: 0 });
  });

  test('nearly all find a tenth', () => {
    expect(verdicts(1.1).worse).toBeGreaterThan(950);
    expect(verdicts(1 / 1.1).better).toBeGreaterThan(950);
  });

  test('none takes what is within the tolerance for a change', () => {
    expect(verdicts(1.02)).toEqual({ worse: 0, same: 1000, better: 0 });
  });
});
