import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { SharedMemory } from '@nfqlb/native';
import { replaceTable } from '@nfqlb/protocol/tables';
import { afterEach, expect, test } from 'vitest';
import { connectionSetOf, shareConnections } from '../transition/shared-connections.js';
import { KernelTables } from './kernel-tables.js';

const [ONE, TWO] = ['one', 'two'].map((name) => `nfqlb-test-kernel-tables-${process.pid}-${name}`) as [string, string];
const tables = new KernelTables(connectionSetOf(shareConnections({})));

afterEach(() => {
  tables.close();
  for (const name of [ONE, TWO]) SharedMemory.unlink(name);
});

const create = (name: string, fwmark: number): unknown => replaceTable(name, { M: 97, N: 4 }, (table) => table.activate([{ fwmark }]));
const first = (index: number): number | undefined => tables.lookups[index]?.fwmarks[0];

test('tables are used by index; one that does not exist yet is used when it does', async () => {
  create(ONE, 1);
  await tables.use([TWO, ONE]);
  expect([first(0), first(1)]).toEqual([undefined, 1]);
  create(TWO, 2);
  tables.examine(ONE);
  expect(first(0)).toBeUndefined();
  tables.examine(TWO);
  expect(first(0)).toBe(2);
});

test('a replaced table is used when it is examined; a deleted one until there is another', async () => {
  create(ONE, 1);
  await tables.use([ONE]);
  SharedMemory.unlink(ONE);
  tables.examine();
  expect(first(0)).toBe(1);
  create(ONE, 3);
  expect(first(0)).toBe(1);
  tables.examine();
  expect(first(0)).toBe(3);
});

test('a table that stays in use stays mapped; others are unmapped', async () => {
  create(ONE, 1);
  create(TWO, 2);
  await tables.use([ONE, TWO]);
  const [, kept] = tables.lookups;
  await tables.use([TWO]);
  expect(tables.lookups).toEqual([kept]);
  expect(tables.lookups[0]).toBe(kept);
});

test('a table that C nfqlb rewrites in place is used again when it is complete', async () => {
  create(ONE, 1);
  await tables.use([ONE]);
  const path = `/dev/shm/${ONE}`;
  const bytes = readFileSync(path);
  truncateSync(path);
  tables.repair();
  expect(first(0)).toBe(1);
  writeFileSync(path, bytes);
  create(TWO, 5);
  writeFileSync(path, readFileSync(`/dev/shm/${TWO}`));
  tables.repair();
  expect(first(0)).toBe(5);
});
