import { expect, test } from 'vitest';
import { answersBetween, formatShares, movesBetween } from './shares.js';

const report = (answered: readonly number[], targets: readonly number[] = []): Parameters<typeof answersBetween>[0] => ({
  asked: 0,
  answered,
  targets,
});

test('answers between two reports', () => {
  expect(answersBetween(report([10, 20, 30]), report([20, 20, 60]))).toEqual({ answered: [10, 0, 30] });
});

test('moved flows are counted separately for the target and the others', () => {
  expect(movesBetween(report([], [1, 2, 2, 3, 3, 3]), report([], [1, 1, 3, 3, 1, 3]), 2)).toEqual({ ofTarget: 2, ofOthers: 1 });
});

test('shares are shown as bars and in percent', () => {
  expect(formatShares('three targets', { answered: [50, 0, 50] })).toBe('three targets    1 ██████  50%  2          0%  3 ██████  50%');
  expect(formatShares('nothing', { answered: [0, 0, 0] })).toBe('nothing          1          0%  2          0%  3          0%');
});
