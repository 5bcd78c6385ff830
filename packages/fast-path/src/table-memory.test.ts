import { ConnectionSet, FwmarkLookup, type TargetTable } from '@nfqlb/core';
import { WATCHED } from '@nfqlb/core/maglev';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Maps } from './kernel/program.js';
import { KEYED, NONE } from './layout.js';
import { TableMemory } from './table-memory.js';
import { tableOf } from './testing/table.js';

const BUCKETS = 2_000;

let buckets: Uint32Array;
let tables: BigUint64Array;
let memory: TableMemory;

beforeEach(() => {
  buckets = new Uint32Array(2 * BUCKETS);
  tables = new BigUint64Array(4);
  memory = new TableMemory({ buckets: { words: buckets }, tables: { longs: tables } } as unknown as Maps, (fwmark) => fwmark + 7);
});

/** Where a table is, as the program reads it. */
const placeOf = (index: number): { begin: number; M: number } => ({
  begin: Number(tables[index]! & 0xffffffffn),
  M: Number(tables[index]! >> 32n),
});

/** Fwmark and counter of each bucket of a table, as the program reads them. */
function read(index: number): { marks: number[]; counters: Set<number> } {
  const { begin, M } = placeOf(index);
  const both = Array.from({ length: M }, (_, i) => [buckets[2 * (begin + i)]!, buckets[2 * (begin + i) + 1]!] as const);
  return { marks: both.map(([mark]) => mark), counters: new Set(both.map(([mark, counter]) => counter - mark)) };
}

const marksOf = (table: TargetTable): number[] => Array.from(new FwmarkLookup(table).fwmarks, (fwmark) => fwmark >>> 0);

describe('a table', () => {
  test('is written with counters, and again only if it has changed', () => {
    const table = tableOf([101, 102], 97);
    const lookups = [undefined, new FwmarkLookup(table)];
    expect(memory.refresh(lookups)).toBe('changed');
    expect(read(1)).toEqual({ marks: marksOf(table), counters: new Set([7]) });
    expect(memory.refresh(lookups)).toBe('same');
    table.deactivate([101]);
    expect(memory.refresh(lookups)).toBe('changed');
    expect(read(1).marks).toEqual(marksOf(table));
  });

  test('is changed in its other half: what was in use stays as it was', () => {
    const table = tableOf([101], 97);
    const lookups = [new FwmarkLookup(table)];
    memory.refresh(lookups);
    const { begin } = placeOf(0);
    const before = buckets.slice(2 * begin, 2 * (begin + 97));
    table.activate([{ fwmark: 102 }]);
    memory.refresh(lookups);
    expect(placeOf(0).begin).not.toBe(begin);
    expect(buckets.slice(2 * begin, 2 * (begin + 97))).toEqual(before);
    table.activate([{ fwmark: 103 }]);
    memory.refresh(lookups);
    expect(placeOf(0).begin).toBe(begin);
  });

  test('with a hash key has it before its buckets, in either half', () => {
    const table = tableOf([101], 97, [0x01234567, -2]);
    const lookups = [new FwmarkLookup(table)];
    for (const fwmark of [102, 103]) {
      memory.refresh(lookups);
      const { begin, M } = placeOf(0);
      expect(M).toBe(97 + KEYED);
      expect([...buckets.slice(2 * (begin - 1), 2 * begin)]).toEqual([0x01234567, 0xfffffffe]);
      expect([...buckets.slice(2 * begin, 2 * (begin + 97))].filter((_, i) => i % 2 === 0)).toEqual(marksOf(table));
      table.activate([{ fwmark }]);
    }
  });

  test('is complete whenever the kernel may read it: before the word that leads to it is replaced', () => {
    const table = tableOf([101], 97);
    const lookups = [new FwmarkLookup(table)];
    const { store } = Atomics;
    const stores = vi.spyOn(Atomics, 'store').mockImplementation(((...args: Parameters<typeof store>) => {
      const stored = store(...args);
      expect(read(0).marks).toEqual(marksOf(table));
      return stored;
    }) as never);
    try {
      memory.refresh(lookups);
      expect(stores).toHaveBeenCalledTimes(1);
    } finally {
      stores.mockRestore();
    }
  });

  test('of another lookup is another one, even if that has not changed', () => {
    memory.refresh([new FwmarkLookup(tableOf([101], 97))]);
    expect(memory.refresh([new FwmarkLookup(tableOf([102], 97))])).toBe('changed');
    expect(new Set(read(0).marks)).toEqual(new Set([102]));
  });

  test('says which buckets are in transition, and no longer once that is over', () => {
    const table = tableOf([101, 102], 97);
    const connections = new ConnectionSet(ConnectionSet.createMemory({}, [0, 0]));
    const lookups = [new FwmarkLookup(table, connections)];
    memory.refresh(lookups);
    const before = marksOf(table);
    table.deactivate([102], { now: 0, seconds: 60 });
    expect(memory.refresh(lookups)).toBe('changed');
    expect(read(0).marks).toEqual(before.map((mark) => (mark === 102 ? WATCHED >>> 0 : mark)));
    connections.now = 59_000;
    expect(memory.refresh(lookups)).toBe('same');
    connections.now = 61_000;
    expect(memory.refresh(lookups)).toBe('changed');
    expect(read(0).marks).toEqual(marksOf(table));
  });

  test('without targets has no fwmarks; one that is gone has no buckets', () => {
    memory.refresh([new FwmarkLookup(tableOf([], 97))]);
    expect(new Set(read(0).marks)).toEqual(new Set([NONE]));
    expect(memory.refresh([undefined])).toBe('changed');
    expect(placeOf(0).M).toBe(0);
  });

  test('may be replaced by a smaller one, whose half has no targets behind the last bucket', () => {
    const large = new FwmarkLookup(tableOf([101], 97));
    memory.refresh([large]);
    memory.refresh([new FwmarkLookup(tableOf([102], 97))]);
    memory.refresh([new FwmarkLookup(tableOf([103], 89))]);
    const { begin, M } = placeOf(0);
    expect(M).toBe(89);
    expect(Array.from(buckets.slice(2 * (begin + 89), 2 * (begin + 97)))).toEqual(Array.from({ length: 8 }, () => [NONE, 0]).flat());
  });

  test('that is new or has grown gets free buckets, as long as there are any', () => {
    expect(memory.refresh([new FwmarkLookup(tableOf([101], 97)), new FwmarkLookup(tableOf([102], 397))])).toBe('changed');
    expect(memory.refresh([new FwmarkLookup(tableOf([103], 499)), new FwmarkLookup(tableOf([102], 397))])).toBe('changed');
    expect([new Set(read(0).marks), new Set(read(1).marks)]).toEqual([new Set([103]), new Set([102])]);
    expect(memory.refresh([new FwmarkLookup(tableOf([103], 997))])).toBe('full');
    expect(new Set(read(0).marks)).toEqual(new Set([103]));
  });
});

test('there is room for the tables, and for one more of the largest size', () => {
  const lookups = [new FwmarkLookup(tableOf([1], 10_007)), undefined, new FwmarkLookup(tableOf([1], 97))];
  expect(TableMemory.bucketsFor(lookups)).toBe(2 * (10_008 + 98) + 2 * 10_008);
  expect(TableMemory.bucketsFor([])).toBeGreaterThan(0);
});
