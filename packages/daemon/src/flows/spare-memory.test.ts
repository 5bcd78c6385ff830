import { expect, test } from 'vitest';
import { SpareMemory } from './spare-memory.js';

test('returns the largest first, and keeps only a few', () => {
  const spare = new SpareMemory();
  expect(spare.take()).toBeUndefined();
  for (const octets of [300, 100, 500, 200, 400]) spare.give(new SharedArrayBuffer(octets));
  expect(Array.from({ length: 5 }, () => spare.take()?.byteLength)).toEqual([500, 400, 300, 200, undefined]);
});
