import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Remembered } from './remembered.js';

let remembered: Remembered;
beforeEach(() => {
  remembered = new Remembered(`nfqlb-remembered-${process.pid}`);
});
afterEach(() => remembered.remove());

test('what was written is there for the next one', () => {
  expect(remembered.read()).toBeUndefined();
  expect(remembered.write('one')).toBeUndefined();
  expect(remembered.write('two')).toBeUndefined();
  expect(new Remembered(`nfqlb-remembered-${process.pid}`).read()).toBe('two');
  expect(statSync(remembered.path).mode & 0o777).toBe(0o600);
});

test('what others may have written is not believed', () => {
  remembered.write('one');
  chmodSync(remembered.path, 0o666);
  expect(remembered.read()).toBeUndefined();
  remembered.remove();
  writeFileSync(`${remembered.path}-real`, 'x');
  symlinkSync(`${remembered.path}-real`, remembered.path);
  expect(remembered.read()).toBeUndefined();
  new Remembered(`nfqlb-remembered-${process.pid}-real`).remove();
});

test('where nothing can be written, it says why', () => {
  expect(new Remembered('none/there').write('x')).toBe('/dev/shm/none/there cannot be written (ENOENT)');
});
