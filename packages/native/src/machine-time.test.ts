import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { clockOffset, machineTime, parseOffset } from './machine-time.js';

test('reads the offset of a time namespace', () => {
  expect(parseOffset('monotonic       86400         0\nboottime            7         0\n')).toBe(86_400_000);
  expect(parseOffset('monotonic          -2 500000000\nboottime            0         0\n')).toBe(-1500);
  expect(parseOffset('boottime            7         0\n')).toBe(0);
});

test('goes like CLOCK_MONOTONIC', () => {
  const own = Number(process.hrtime.bigint()) / 1e6 - clockOffset();
  const now = machineTime();
  expect(now - own).toBeGreaterThan(-0.1);
  expect(now - own).toBeLessThan(100);
});

test('is the same in another time namespace', { skip: process.getuid?.() !== 0 }, () => {
  // Node runs TypeScript by itself only since 22: so this is the built file.
  const file = fileURLToPath(new URL('../dist/machine-time.js', import.meta.url));
  const script = `import('${file}').then(({ machineTime }) => console.log(machineTime(), performance.now()))`;
  const command = ['--time', '--monotonic=100000', process.execPath, '--eval', script];
  const before = machineTime();
  const [there] = execFileSync('unshare', command, { encoding: 'utf8' }).split(' ').map(Number);
  expect(there).toBeGreaterThan(before);
  expect(there).toBeLessThan(machineTime());
});
