import { expect, test } from 'vitest';
import { WallClock } from './wall-clock.js';

const HOUR_MS = 3_600_000;

test('has microseconds, and follows when the clock is set forward and back', () => {
  const clock = new WallClock();
  const begin = performance.timeOrigin + 1000;
  expect(clock.at(Math.floor(begin), 1000)).toBe(begin);
  expect(clock.at(Math.floor(begin + 0.25), 1000.25)).toBe(begin + 0.25);
  const set = Math.floor(begin) + HOUR_MS;
  expect(clock.at(set, 1001)).toBe(set);
  expect(clock.at(set + 1, 1002.125)).toBe(set + 1.125);
  expect(clock.at(set - 2 * HOUR_MS, 1003)).toBe(set - 2 * HOUR_MS);
});
