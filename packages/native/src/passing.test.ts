import { once } from 'node:events';
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { connectAbstract, listenAbstract, receiveDescriptors, sendDescriptors } from './index.js';

const NAME = `nfqlb-test-passing-${process.pid}`;
const FILE = join(tmpdir(), NAME);

let clean: (() => void)[] = [];
afterEach(() => {
  for (const each of clean.toReversed()) each();
  clean = [];
});

/** Both ends of a connection. */
async function connected(): Promise<{ readonly near: number; readonly far: number; readonly farSocket: Socket }> {
  const server = createServer();
  server.listen({ fd: listenAbstract(NAME) });
  await once(server, 'listening');
  const near = connectAbstract(NAME);
  const [farSocket] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }];
  clean.push(
    () => server.close(),
    () => closeSync(near),
    () => farSocket.destroy(),
  );
  return { near, far: farSocket._handle.fd, farSocket };
}

test('a descriptor arrives as another one for the same file, with its text', async () => {
  const { near, far } = await connected();
  const fd = openSync(FILE, 'w+');
  clean.push(() => rmSync(FILE));
  sendDescriptors(far, 'one file\n', [fd]);
  writeSync(fd, 'written before');
  closeSync(fd);
  const { text, descriptors } = receiveDescriptors(near, 1000);
  expect([text, descriptors.length]).toEqual(['one file\n', 1]);
  const read = Buffer.alloc(20);
  expect(readSync(descriptors[0]!, read, 0, 20, 0)).toBe(14);
  closeSync(descriptors[0]!);
  expect(read.toString('utf8', 0, 14)).toBe('written before');
});

test('without descriptors it is a text; after the end it is empty', async () => {
  const { near, far, farSocket } = await connected();
  sendDescriptors(far, 'only a text', []);
  expect(receiveDescriptors(near, 1000)).toEqual({ text: 'only a text', descriptors: [] });
  farSocket.destroy();
  await once(farSocket, 'close');
  expect(receiveDescriptors(near, 1000)).toEqual({ text: '', descriptors: [] });
});

test('253 descriptors can be passed at a time', async () => {
  const { near, far } = await connected();
  const fd = openSync('/dev/null', 'r');
  clean.push(() => closeSync(fd));
  sendDescriptors(far, 'many', new Array(253).fill(fd));
  const { descriptors } = receiveDescriptors(near, 1000);
  for (const each of descriptors) closeSync(each);
  expect(new Set(descriptors).size).toBe(253);
  expect(() => sendDescriptors(far, 'too many', new Array(254).fill(fd))).toThrow('no more than 253 descriptors can be passed at a time');
});

test('nobody answers, or it is no socket: one line', async () => {
  const { near } = await connected();
  expect(() => receiveDescriptors(near, 10)).toThrow('unix socket: no answer in time (ETIMEDOUT)');
  const fd = openSync('/dev/null', 'r');
  clean.push(() => closeSync(fd));
  expect(() => sendDescriptors(fd, 'text', [fd])).toThrow('(ENOTSOCK)');
});
