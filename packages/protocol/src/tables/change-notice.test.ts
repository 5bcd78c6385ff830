import { setTimeout as sleep } from 'node:timers/promises';
import { SharedMemory } from '@nfqlb/native/shared-memory';
import { afterEach, expect, test } from 'vitest';
import { ChangeNotices } from './change-notice.js';
import { changeTable, createTableIfAbsent } from './table-lock.js';

const NAME = `nfqlb-notice-${process.pid}`;
afterEach(() => SharedMemory.unlink(NAME));

test('whoever watches hears of a change, a table’s creation and its end; nobody after closing', async () => {
  const heard: string[] = [];
  const notices = new ChangeNotices((name) => heard.push(name));
  const hears = async (change: () => void): Promise<void> => {
    heard.length = 0;
    change();
    await expect.poll(() => heard).toContain(NAME);
    // What else is said of this change.
    await sleep(20);
  };
  await hears(() => createTableIfAbsent(NAME, { M: 97, N: 8 }));
  await hears(() => changeTable(NAME, (table) => table.activate([{ fwmark: 7 }])));
  await hears(() => SharedMemory.unlink(NAME));
  createTableIfAbsent(NAME, { M: 97, N: 8 });
  await sleep(20);
  notices.close();
  heard.length = 0;
  changeTable(NAME, (table) => table.activate([{ fwmark: 8 }]));
  await sleep(50);
  expect(heard).toEqual([]);
});
