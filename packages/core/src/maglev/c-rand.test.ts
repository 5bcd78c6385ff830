import { expect, test } from 'vitest';
import { cRand } from './c-rand.js';

test('returns the same numbers as rand() of glibc 2.36 without srand()', () => {
  const rand = cRand();
  const outputs = Array.from({ length: 10_000 }, rand);
  expect(outputs.slice(0, 10)).toEqual([
    1804289383, 846930886, 1681692777, 1714636915, 1957747793, 424238335, 719885386, 1649760492, 596516649, 1189641421,
  ]);
  expect(outputs[999]).toBe(1143565421);
  expect(outputs[9999]).toBe(1908609430);
});
