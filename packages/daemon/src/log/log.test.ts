import { afterEach, expect, test } from 'vitest';
import { copyLog, log, openLog } from './log.js';

const copied: string[] = [];
let level = 5;
afterEach(() => {
  copyLog(undefined);
  copied.length = 0;
  level = 5;
});

function logAll(message: string): string[] {
  copyLog((line) => copied.push(line));
  log.warning(message);
  log.notice(message);
  log.info(message);
  log.debug(message);
  return copied;
}

test.each([
  [3, []],
  [4, ['nfqlb lb: warning: x']],
  [5, ['nfqlb lb: warning: x', 'nfqlb lb: x']],
  [6, ['nfqlb lb: warning: x', 'nfqlb lb: x', 'nfqlb lb: info: x']],
  [7, ['nfqlb lb: warning: x', 'nfqlb lb: x', 'nfqlb lb: info: x', 'nfqlb lb: debug: x']],
])('level %i, read at each message', async (now, expected) => {
  await openLog('lb', 'text', () => level);
  level = now;
  expect(logAll('x')).toEqual(expected);
});

test('a message stays on one line, and cannot control the terminal', async () => {
  await openLog('lb', 'text', () => level);
  expect(logAll('table a\x1b[2J\nb')[1]).toBe('nfqlb lb: table a\\x1b[2J\\x0ab');
});
