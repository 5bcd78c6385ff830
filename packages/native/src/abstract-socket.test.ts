import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { connectAbstract, listenAbstract } from './index.js';

const NAME = `nfqlb-test-${process.pid}`;

let server: Server | undefined;
afterEach(() => server?.close());

async function listen(): Promise<void> {
  server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  server.listen({ fd: listenAbstract(NAME) });
  await once(server, 'listening');
}

test('listener and client with exactly the same name are connected', async () => {
  await listen();
  // The kernel shows the zero before the name as @, and would also show zeros after it.
  expect(readFileSync('/proc/net/unix', 'utf8')).toMatch(new RegExp(`@${NAME}$`, 'm'));
  const socket = new Socket({ fd: connectAbstract(NAME), readable: true, writable: true });
  socket.end('there and back');
  expect(await text(socket)).toBe('there and back');
});

test('another program can connect', async () => {
  await listen();
  const client = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("\\0${NAME}"); s.sendall(b"hello"); s.shutdown(1); print(s.recv(99))`;
  const { stdout } = await promisify(execFile)('python3', ['-c', client]);
  expect(stdout).toBe("b'hello'\n");
});

test('a name in use, an unused name, an invalid name', async () => {
  await listen();
  expect(() => listenAbstract(NAME)).toThrow(`unix:${NAME}: another program listens on it (EADDRINUSE)`);
  expect(() => connectAbstract(`${NAME}-none`)).toThrow(`unix:${NAME}-none: nobody listens on it (ECONNREFUSED)`);
  for (const name of ['', 'x'.repeat(108)]) expect(() => listenAbstract(name)).toThrow('a name has 1 to 107 octets (ENAMETOOLONG)');
  expect(() => connectAbstract('x'.repeat(107))).toThrow('nobody listens on it');
});

test('it disappears with its listener', async () => {
  await listen();
  server!.close();
  await once(server!, 'close');
  expect(() => connectAbstract(NAME)).toThrow('ECONNREFUSED');
  expect(readFileSync('/proc/net/unix', 'utf8')).not.toContain(NAME);
});
