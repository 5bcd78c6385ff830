import { expect, test } from 'vitest';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { FragmentTable } from './fragment-table.js';
import { LockWatch } from './lock-watch.js';
import { STATISTICS_LENGTH } from './statistics.js';

const OPTIONS = { size: 10_000, buckets: 3, fragments: 4, mtu: 1500, ttl: 200, holes: 0 };

function watched(): { words: Int32Array; table: FragmentTable; watch: LockWatch } {
  const memory = FragmentTable.createMemory(OPTIONS, HASH_KEY);
  const table = new FragmentTable(memory, OPTIONS, new Uint32Array(STATISTICS_LENGTH / 4));
  return { words: new Int32Array(memory), table, watch: new LockWatch(memory, table, OPTIONS.size) };
}

test('finds a lock that is never released, with its duration, but no released lock', () => {
  const { words, table, watch } = watched();
  words[table.lockAt(3)] = 1;
  words[table.lockAt(5)] = 2;
  watch.look(100);
  words[table.lockAt(5)] = 0;
  for (let i = 0; i < 20; i++) watch.look(100);
  expect(watch.heldFor(2000)).toEqual([{ name: 'bucket 3', held: 2000 }]);
  words[table.lockAt(3)] = 0;
  watch.look(100);
  expect(watch.heldFor(0)).toEqual([]);
});

test('checks some locks of a large table each time, including pools', () => {
  const { words, table, watch } = watched();
  words[table.lockAt(9_999)] = 1;
  words[table.lockAt(10_002)] = 1;
  watch.look(100);
  expect(watch.heldFor(0)).toEqual([]);
  watch.look(100);
  watch.look(100);
  watch.look(100);
  expect(watch.heldFor(100).map(({ name }) => name)).toEqual(['bucket 9999', 'pool 2']);
});
