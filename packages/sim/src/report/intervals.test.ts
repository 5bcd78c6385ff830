import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Intervals, MAX_INTERVALS } from './intervals.js';

test('counts and levels in each interval are those of its times, however often intervals were merged', () => {
  const times = fc.array(fc.oneof(fc.double({ min: -1, max: 1e-3, noNaN: true }), fc.double({ min: 0, max: 1e5, noNaN: true })), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(times, (list) => {
      const intervals = new Intervals();
      const [counts, levels] = [intervals.series('sum'), intervals.series('maximum')];
      list.forEach((time, level) => {
        const i = intervals.reach(time);
        counts.values[i]! += 1;
        levels.values[i] = Math.max(levels.values[i]!, level);
      });
      // The plain way: look at all times again, now that the length of an interval is known.
      const expected = list.map((time) => Math.floor(Math.max(0, time) / intervals.seconds));
      expect(intervals.count).toBe(Math.max(...expected) + 1);
      expect(intervals.count).toBeLessThanOrEqual(MAX_INTERVALS);
      const plain = { counts: new Float64Array(MAX_INTERVALS), levels: new Float64Array(MAX_INTERVALS) };
      expected.forEach((i, level) => {
        plain.counts[i]! += 1;
        plain.levels[i] = level;
      });
      expect({ counts: counts.values, levels: levels.values }).toEqual(plain);
    }),
  );
});

test('a short capture fills more than half of the intervals', () => {
  const intervals = new Intervals();
  intervals.reach(0.0042);
  expect(intervals.count).toBeGreaterThan(MAX_INTERVALS / 2);
});
