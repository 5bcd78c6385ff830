import { expect, test } from 'vitest';
import { median, spread, spreadOfRuns } from './statistics.js';

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[7], 7],
])('the median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

test('a spread has the extremes', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  expect(spread([])).toBeUndefined();
});

test('over several runs, each run weighs the same, and the extremes are those of all rounds', () => {
  expect(spreadOfRuns([[1, 2, 3, 2, 2], [10], []])).toEqual({ median: 6, least: 1, most: 10 });
  expect(spreadOfRuns([[], []])).toBeUndefined();
});
