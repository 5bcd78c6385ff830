import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomNumbers } from '../testing/random-numbers.js';
import { tabulate, tabulationTables, WORD_TABLES } from './tabulation.js';

test('each octet has a table of its own', () => {
  const tables = tabulationTables(3, 1, 2);
  expect(new Set(tables).size).toBe(3 * WORD_TABLES);
  fc.assert(
    fc.property(fc.nat(2), fc.uint8Array({ minLength: 4, maxLength: 4 }), (at, octets) => {
      const naive = octets.reduce((hash, octet, i) => hash ^ tables[(4 * at + i) * 256 + octet]!, 0);
      expect(tabulate(tables, at, new DataView(octets.buffer).getInt32(0, true))).toBe(naive);
    }),
  );
});

test('another key gives other tables', () => {
  const tables = [tabulationTables(1, 1, 2), tabulationTables(1, 1, 2), tabulationTables(1, 1, 3), tabulationTables(1, 2, 2)];
  expect(new Set(tables.map((each) => each.join())).size).toBe(3);
});

test('every bit is as often set as not, and no two bits go together', () => {
  const tables = tabulationTables(1, 3, 4);
  const random = randomNumbers(1);
  const hashes = Array.from({ length: 20_000 }, () => tabulate(tables, 0, random()));
  for (let i = 0; i < 32; i++) {
    for (let j = 0; j < i; j++) {
      const same = hashes.filter((hash) => ((hash >>> i) & 1) === ((hash >>> j) & 1)).length;
      // 1024 words give what 20,000 hashes are made of: that deviates by more than they do.
      expect(Math.abs(same / hashes.length - 0.5)).toBeLessThan(0.05);
    }
  }
});
