import { SharedMemory } from '@nfqlb/native';
import { afterEach, expect, test } from 'vitest';
import { openTable, readTable } from './shared-table.js';
import { changeTable, createTableIfAbsent, replaceTable, TableLock, withTableLock } from './table-lock.js';

const NAME = `nfqlb-test-lock-${process.pid}`;
const OPTIONS = { M: 97, N: 4 } as const;
afterEach(() => SharedMemory.unlink(NAME));

const targets = (): number[] => readTable(NAME, ({ fwmarks }) => fwmarks);

test('a change while another program holds the lock is an error, and changes nothing', () => {
  replaceTable(NAME, OPTIONS);
  const lock = new TableLock(NAME);
  expect(() => new TableLock(NAME, 20)).toThrow(/another program has locked it for more than \d+ ms/);
  expect(targets()).toEqual([]);
  lock.release();
  changeTable(NAME, (table) => table.activate([{ fwmark: 1 }]));
  expect(targets()).toEqual([1]);
});

test('the lock covers the new table when the table is replaced, before anybody can open it', () => {
  replaceTable(NAME, OPTIONS);
  withTableLock(NAME, (lock) => {
    lock.replace({ M: 101, N: 4 }, (table) => table.activate([{ fwmark: 7 }]));
    expect(targets()).toEqual([7]);
    expect(() => new TableLock(NAME, 20)).toThrow('ETIMEDOUT');
    lock.existing.activate([{ fwmark: 8 }]);
  });
  expect(targets()).toEqual([7, 8]);
});

test('a program that waited for the lock of a table that was replaced changes the new table', () => {
  replaceTable(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]));
  // Opens the table, like a command that then waits for the lock.
  const waiting = openTable(NAME);
  const locks = SharedMemory.prototype.lock;
  try {
    // Another program replaces the table between opening it and getting the lock.
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

test('replaces a table that another program created after this one saw none', () => {
  withTableLock(NAME, (lock) => {
    expect(lock.table).toBeUndefined();
    expect(() => lock.existing).toThrow(`shared memory ${NAME}: no such table; nfqlb init --shm=${NAME} creates it`);
    replaceTable(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]));
    lock.replace(OPTIONS, (table) => table.activate([{ fwmark: 2 }]));
    expect(targets()).toEqual([2]);
    expect(() => new TableLock(NAME, 20)).toThrow('ETIMEDOUT');
  });
});

test('does not delete a table that another program created after this one saw none', () => {
  withTableLock(NAME, (lock) => {
    replaceTable(NAME, OPTIONS);
    lock.delete();
  });
  expect(targets()).toEqual([]);
});

test('creates an absent table only once', () => {
  expect(createTableIfAbsent(NAME, OPTIONS, (table) => table.activate([{ fwmark: 1 }]))).toBe(true);
  expect(createTableIfAbsent(NAME, OPTIONS)).toBe(false);
  expect(targets()).toEqual([1]);
});

test('shared memory that is not a table can be replaced, but not changed', () => {
  SharedMemory.create(NAME, 100, () => {});
  expect(() => changeTable(NAME, () => {})).toThrow(`shared memory ${NAME}: not a target table`);
  replaceTable(NAME, OPTIONS);
  expect(targets()).toEqual([]);
});
