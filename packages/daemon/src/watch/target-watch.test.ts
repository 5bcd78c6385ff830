import { SharedMemory } from '@nfqlb/native';
import { changeTable, replaceTable } from '@nfqlb/protocol/tables';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TableObserver } from './table-observer.js';
import { TargetWatch } from './target-watch.js';

const NAME = `nfqlb-test-target-watch-${process.pid}`;
let told: string[];
let watch: TargetWatch;
beforeEach(() => {
  told = [];
  watch = new TargetWatch(new TableObserver(), (line) => told.push(line));
});
afterEach(() => SharedMemory.unlink(NAME));

/** Looks at the tables; returns the lines reported. */
function looked(...names: readonly string[]): string[] {
  told.length = 0;
  watch.look(names);
  return told.map((line) => line.replace(`target: table ${NAME}: `, ''));
}

test('reports what exists, then only changes', () => {
  expect(looked(NAME)).toEqual(['no such table']);
  replaceTable(NAME, { M: 97, N: 4 });
  expect(looked(NAME)).toEqual(['created, now no target']);
  changeTable(NAME, (table) => table.activate([{ fwmark: 101 }, { fwmark: 102, weight: 3 }]));
  expect(looked(NAME)).toEqual(['+101 +102:3, now 101 102:3']);
  expect(looked(NAME)).toEqual([]);
  changeTable(NAME, (table) => table.deactivate([101]));
  expect(looked(NAME)).toEqual(['-101, now 102:3']);
  SharedMemory.unlink(NAME);
  expect(looked(NAME)).toEqual(['deleted']);
  expect(looked(NAME)).toEqual([]);
  expect(looked()).toEqual(['no longer used']);
});

test('starts over after a time without traces', () => {
  replaceTable(NAME, { M: 97, N: 4 });
  looked(NAME);
  watch.forget();
  expect(looked(NAME)).toEqual(['no target']);
});
