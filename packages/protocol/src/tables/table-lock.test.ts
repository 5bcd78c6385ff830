import { SharedMemory } from '@nfqlb/native';
import { afterEach, expect, test } from 'vitest';
import { openTable, readTable } from './shared-table.js';
import { changeTable, createTableIfAbsent, replaceTable, TableLock, withTableLock } from './table-lock.js';

const NAME = `nfqlb-test-lock-${process.pid}`;
const OPTIONS = { M: 97, N: 4 } as const;
afterEach(() => SharedMemory.unlink(NAME));

const targets = (): number[] => readTable(NAME, ({ fwmarks }) => fwmarks);

test('a change while another program holds the name is an error, and changes nothing', () => {
  replaceTable(NAME, OPTIONS);
  const lock = new TableLock(NAME);
  expect(() => new TableLock(NAME, 20)).toThrow(/another program has locked it for more than \d+ ms/);
  expect(targets()).toEqual([]);
  lock.release();
  changeTable(NAME, (table) => table.activate([{ fwmark: 1 }]));
  expect(targets()).toEqual([1]);
});

test('the lock stays with the name when the table is replaced: the new one is locked before anybody can open it', () => {
  replaceTable(NAME, OPTIONS);
  withTableLock(NAME, (lock) => {
    lock.replace({ M: 101, N: 4 }, (table) => table.activate([{ fwmark: 7 }]));
    expect(targets()).toEqual([7]);
    expect(() => new TableLock(NAME, 20)).toThrow('ETIMEDOUT');
    lock.existing.activate([{ fwmark: 8 }]);
  });
  expect(targets()).toEqual([7, 8]);
});

test('whoever waited for a table that was replaced meanwhile changes the new one', () => {
  replaceTable(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]));
  // Opens the table as a command does that then waits for the lock.
  const waiting = openTable(NAME);
  const locks = SharedMemory.prototype.lock;
  try {
    // Between opening and getting the lock another program replaces the table.
    let replaced = false;
    SharedMemory.prototype.lock = function (this: SharedMemory, milliseconds: number) {
      if (!replaced) {
        replaced = true;
        SharedMemory.unlink(NAME);
        replaceTable(NAME, OPTIONS, (table) => table.activate([{ fwmark: 2 }]));
      }
      locks.call(this, milliseconds);
    };
    changeTable(NAME, (table) => table.activate([{ fwmark: 3 }]));
  } finally {
    SharedMemory.prototype.lock = locks;
  }
  expect(targets()).toEqual([2, 3]);
  expect([...waiting.table.active]).toEqual([1, -1, -1, -1]);
  waiting.memory.close();
});

test('where there was no table and another program has just created one, that is replaced', () => {
  withTableLock(NAME, (lock) => {
    expect(lock.table).toBeUndefined();
    expect(() => lock.existing).toThrow(`shared memory ${NAME}: no such table; nfqlb init --shm=${NAME} creates it`);
    replaceTable(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]));
    lock.replace(OPTIONS, (table) => table.activate([{ fwmark: 2 }]));
    expect(targets()).toEqual([2]);
    expect(() => new TableLock(NAME, 20)).toThrow('ETIMEDOUT');
  });
});

test('what another program has just created is not deleted by one that has seen no table', () => {
  withTableLock(NAME, (lock) => {
    replaceTable(NAME, OPTIONS);
    lock.delete();
  });
  expect(targets()).toEqual([]);
});

test('created if absent: once', () => {
  expect(createTableIfAbsent(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]))).toBe(true);
  expect(createTableIfAbsent(NAME, OPTIONS)).toBe(false);
  expect(targets()).toEqual([1]);
});

test('something that is no table cannot be changed, but replaced', () => {
  SharedMemory.create(NAME, 100, () => {});
  expect(() => changeTable(NAME, () => {})).toThrow(`shared memory ${NAME}: not a target table`);
  replaceTable(NAME, OPTIONS);
  expect(targets()).toEqual([]);
});
