import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runs } from '../testing/runs.js';
import { COMPLETE, HOLE_WORDS, Holes, MAX_HOLES, UNTRACKED } from './holes.js';
import { ItemPool, POOL_HEADER } from './item-pool.js';

function poolOf(count: number): { pool: ItemPool; holes: Holes } {
  const words = new Int32Array(POOL_HEADER + count * HOLE_WORDS);
  const pool = new ItemPool(words, 0, POOL_HEADER, HOLE_WORDS);
  pool.reset(count);
  return { pool, holes: new Holes(words, pool) };
}

/** Fragments of a datagram, in units of 8 octets: duplicate, overlapping, in any order. */
const arrivals = fc
  .record({
    length: fc.integer({ min: 1, max: 60 }),
    parts: fc.array(fc.tuple(fc.nat(59), fc.integer({ min: 1, max: 30 })), { maxLength: 40 }),
  })
  .map(({ length, parts }) => ({
    length,
    parts: parts
      .filter(([begin]) => begin < length)
      .map(([begin, size]) => ({ begin: begin * 8, end: Math.min(begin + size, length) * 8, more: begin + size < length })),
  }));

test('a datagram is complete when all octets and the last fragment have arrived, and not before', () => {
  fc.assert(
    fc.property(arrivals, ({ length, parts }) => {
      const { pool, holes } = poolOf(100);
      const missing = new Set(Array.from({ length }, (_, i) => i * 8));
      let ended = false;
      let list = holes.open();
      for (const { begin, end, more } of parts) {
        list = holes.fill(list, begin, end, more);
        for (let at = begin; at < end; at += 8) missing.delete(at);
        ended ||= !more;
        expect(list === COMPLETE).toBe(ended && missing.size === 0);
        if (list === COMPLETE) break;
      }
      if (list !== COMPLETE) holes.close(list);
      expect(pool.used).toBe(0);
    }),
    { numRuns: runs(2000) },
  );
});

test.each([
  ['in order', [0, 1, 2, 3]],
  ['reversed', [3, 2, 1, 0]],
  ['with the last one first', [3, 0, 1, 2]],
  ['with a middle one last', [0, 3, 1, 2]],
])('fragments %s fill all holes', (_name, order) => {
  const { pool, holes } = poolOf(4);
  let list = holes.open();
  order.forEach((part, i) => {
    list = holes.fill(list, part * 8, part * 8 + 8, part < 3);
    expect(list === COMPLETE).toBe(i === 3);
  });
  expect(pool.used).toBe(0);
});

test('a duplicate fragment changes nothing', () => {
  const { pool, holes } = poolOf(4);
  const list = holes.fill(holes.open(), 0, 8, true);
  expect(holes.fill(list, 0, 8, true)).toBe(list);
  expect(pool.used).toBe(1);
});

test('a fragment without data fills nothing, even if it is the last', () => {
  const { holes } = poolOf(4);
  const list = holes.fill(holes.open(), 0, 8, true);
  expect(holes.fill(list, 8, 8, false)).toBe(list);
});

test('if there is no free hole to split one, the whole list is freed', () => {
  const { pool, holes } = poolOf(2);
  const list = holes.fill(holes.open(), 16, 24, true);
  expect(pool.used).toBe(2);
  expect(holes.fill(list, 48, 56, true)).toBe(UNTRACKED);
  expect(pool.used).toBe(0);
});

test('there is no list if all holes are used', () => {
  const { holes } = poolOf(1);
  expect(holes.open()).not.toBe(UNTRACKED);
  expect(holes.open()).toBe(UNTRACKED);
});

test('a datagram with more holes than any real sender causes is no longer tracked', () => {
  const { pool, holes } = poolOf(100);
  let list = holes.open();
  for (let hole = 1; hole < MAX_HOLES; hole++) {
    list = holes.fill(list, 16 * hole, 16 * hole + 8, true);
    expect(pool.used).toBe(hole + 1);
  }
  expect(holes.fill(list, 16 * MAX_HOLES, 16 * MAX_HOLES + 8, true)).toBe(UNTRACKED);
  expect(pool.used).toBe(0);
});
