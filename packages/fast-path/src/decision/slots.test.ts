import { runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSlots, mix } from './slots.js';

const SECOND = 0x85ebca6b;
const hash = ([key]: readonly number[], seed: number): number => mix(seed, key!);

/** The value of a key, as the program finds it: in one of two slots. */
function find({ words, seed }: { words: Uint32Array; seed: number }, key: number): number | undefined {
  const mask = words.length / 2 - 1;
  const first = mix(seed, key);
  for (const slot of [first & mask, mix(first, SECOND) & mask]) if (words[2 * slot] === key) return words[2 * slot + 1];
  return undefined;
}

test('each entry is in one of its two slots, and no other is found', () => {
  const key = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 0xffffffff }));
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 200 }), fc.array(key), (keys, others) => {
      const table = buildSlots(
        keys.map((each, i) => [each, i]),
        2,
        hash,
      );
      keys.forEach((each, i) => {
        expect(find(table, each)).toBe(i);
      });
      for (const other of others) if (!keys.includes(other)) expect(find(table, other)).toBeUndefined();
    }),
    { numRuns: runs(500) },
  );
});

test('100,000 entries take at most eight slots each', () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => 0x0a000000 + i);
  const table = buildSlots(
    keys.map((key) => [key, key]),
    2,
    hash,
  );
  expect(table.words.length / 2).toBeLessThanOrEqual(8 * keys.length);
  for (const key of keys) expect(find(table, key)).toBe(key);
});

test('entries with the same hash in all seeds but one find room', () => {
  const same = ([key]: readonly number[], seed: number): number => (seed === 3 ? mix(seed, key!) : 7);
  const table = buildSlots(
    Array.from({ length: 20 }, (_, i) => [i + 1, i]),
    2,
    same,
  );
  expect(table.seed).toBe(3);
});
