import { once } from 'node:events';
import { closeSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Wakeup } from './wakeup.js';

/** Reads an eventfd's counter, which resets it to 0 (eventfd(2)). */
function take(fd: number): bigint {
  const counter = new BigUint64Array(1);
  readSync(fd, counter);
  return counter[0]!;
}

test('a signal makes the descriptor readable, once for any number of signals', () => {
  const wakeup = new Wakeup();
  expect(() => take(wakeup.fd)).toThrow('EAGAIN');
  wakeup.signal();
  wakeup.signal();
  expect(take(wakeup.fd)).toBe(2n);
  expect(() => take(wakeup.fd)).toThrow('EAGAIN');
  wakeup.close();
});

test('signals that nobody reads are not an error', async () => {
  const wakeup = new Wakeup();
  // The maximum of the counter, written by another thread.
  const code = `require('node:fs').writeSync(${wakeup.fd}, new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer))`;
  await once(new Worker(code, { eval: true }), 'exit');
  wakeup.signal();
  expect(take(wakeup.fd)).toBe(2n ** 64n - 2n);
  wakeup.close();
});

test('closing it closes the descriptor, once', () => {
  const wakeup = new Wakeup();
  wakeup.close();
  expect(() => closeSync(wakeup.fd)).toThrow('EBADF');
  const next = new Wakeup();
  expect(next.fd).toBe(wakeup.fd);
  wakeup.close();
  next.signal();
  expect(take(next.fd)).toBe(1n);
  next.close();
  expect(() => next.signal()).toThrow('wake-up: signalling an eventfd: Bad file descriptor (EBADF)');
});
