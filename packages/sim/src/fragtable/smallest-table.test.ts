import { expect, test } from 'vitest';
import { smallestTable } from './smallest-table.js';

test('returns the first sufficient prime, even if larger ones lose more', async () => {
  const asked: number[] = [];
  const found = await smallestTable(
    async (size) => {
      asked.push(size);
      return size === 23 || size > 30 ? 0.1 : 7;
    },
    0.1,
    10,
    1000,
  );
  expect(found).toEqual({ size: 23, loss: 0.1, tried: 4 });
  expect(asked).toEqual([11, 13, 17, 19, 23]);
});

test('returns at least two buckets', async () => {
  expect(await smallestTable(async () => 0, 0, 0, 10)).toEqual({ size: 2, loss: 0, tried: 0 });
});

test('returns undefined when no size is sufficient', async () => {
  expect(await smallestTable(async () => 1, 0, 0, 10)).toBeUndefined();
});
