import { closeSync } from 'node:fs';
import { connectSocket } from '@nfqlb/native';
import { afterEach, expect, test } from 'vitest';
import { tcpServer } from '../testing/listening.js';
import { SocketPoll } from './socket-poll.js';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const poll = new SocketPoll();
const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function connect(kind: 'tcp' | 'udp', port: number): number {
  const fd = connectSocket(kind, LOOPBACK, port, 0);
  open.push(fd);
  return fd;
}

const never = new AbortController().signal;

test('an answer that came while this process was stopped counts, though the deadline is over', async () => {
  await using server = await tcpServer(() => {});
  const end = poll.wait(connect('tcp', server.port), 'writable', performance.now() + 30, never);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  expect(await end).toBe('ready');
});

test('no answer: late, and not before the deadline', async () => {
  const deadline = performance.now() + 60;
  expect(await poll.wait(connect('udp', 9), 'readable', deadline, never)).toBe('late');
  expect(performance.now()).toBeGreaterThanOrEqual(deadline);
});

test('refused: failed, in time', async () => {
  const server = await tcpServer(() => {});
  const { port } = server;
  await server[Symbol.asyncDispose]();
  expect(await poll.wait(connect('tcp', port), 'writable', performance.now() + 60_000, never)).toBe('failed');
});

test('aborted, while others wait on', async () => {
  const abort = new AbortController();
  const aborted = poll.wait(connect('udp', 9), 'readable', performance.now() + 60_000, abort.signal);
  const late = poll.wait(connect('udp', 9), 'readable', performance.now() + 200, never);
  abort.abort();
  expect(await Promise.race([aborted, late])).toBe('aborted');
  expect(await late).toBe('late');
});
