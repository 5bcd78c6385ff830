import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connectSocket, NativeError, PollSet, socketError } from './index.js';
import { describeLive } from './testing/describe-live.js';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

const open = new Set<number>();
afterEach(() => {
  for (const fd of open) closeSync(fd);
  open.clear();
});

function connect(...args: Parameters<typeof connectSocket>): number {
  const fd = connectSocket(...args);
  open.add(fd);
  return fd;
}

async function until(fd: number, event: 'readable' | 'writable'): Promise<void> {
  const set = new PollSet();
  set.add(fd, event);
  await expect.poll(() => set.look()).toBe(1);
  expect(set.isReady(0)).toBe(true);
}

async function listen(address: string): Promise<{ server: Server; port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, address);
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

test.each([
  ['IPv4', LOOPBACK, '127.0.0.1'],
  ['IPv6', LOOPBACK6, '::1'],
])('TCP over %s: connects, talks, and is reset when closed', async (_, address, name) => {
  await using listener = await listen(name);
  const connections = once(listener.server, 'connection');
  const fd = connect('tcp', address, listener.port, 0);
  await until(fd, 'writable');
  expect(socketError(fd)).toBeUndefined();
  const [socket] = await connections;
  const reset = once(socket, 'close');
  writeSync(fd, 'hello');
  await until(fd, 'readable');
  const buffer = Buffer.alloc(10);
  expect(buffer.toString('utf8', 0, readSync(fd, buffer))).toBe('hello');
  open.delete(fd);
  closeSync(fd);
  await expect(reset).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a port where nobody listens: the error is pending, once', async () => {
  const { port } = await (async () => {
    await using listener = await listen('127.0.0.1');
    return listener;
  })();
  const fd = connect('tcp', LOOPBACK, port, 0);
  await until(fd, 'writable');
  expect([socketError(fd), socketError(fd)]).toEqual(['ECONNREFUSED', undefined]);
});

test('UDP: only packets of the peer are received', async () => {
  const peer = createSocket('udp4');
  const other = createSocket('udp4');
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  const question = once(peer, 'message');
  const fd = connect('udp', LOOPBACK, peer.address().port, 0);
  writeSync(fd, 'question');
  const [, { port }] = await question;
  await new Promise((resolve) => other.send('not the answer', port, '127.0.0.1', resolve));
  peer.send('answer', port, '127.0.0.1');
  await until(fd, 'readable');
  const buffer = Buffer.alloc(100);
  expect(buffer.toString('utf8', 0, readSync(fd, buffer))).toBe('answer');
  peer.close();
  other.close();
});

test('a set of any size tells which are ready', async () => {
  const receiver = createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address();
  const sockets = Array.from({ length: 200 }, () => connect('udp', LOOPBACK, port, 0));
  const set = new PollSet();
  for (const [i, fd] of sockets.entries()) set.add(fd, i % 3 === 0 ? 'writable' : 'readable');
  expect(set.look()).toBe(67);
  expect(sockets.map((_, i) => set.isReady(i))).toEqual(sockets.map((_, i) => i % 3 === 0));
  set.clear();
  expect([set.count, set.look()]).toEqual([0, 0]);
  receiver.close();
});

test('errors', () => {
  const before = readdirSync('/proc/self/fd').length;
  expect(() => connectSocket('tcp', new Uint8Array(5), 80, 0)).toThrow('tcp socket: reading the address: Invalid argument (EINVAL)');
  expect(() => connectSocket('udp', Uint8Array.of(255, 255, 255, 255), 80, 0)).toThrow(NativeError);
  expect(() => socketError(-1)).toThrow('EBADF');
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

describeLive('as root', () => {
  test.each([
    ['IPv4', LOOPBACK],
    ['IPv6', LOOPBACK6],
  ])('the fwmark, over %s: as the kernel shows it', (_, address) => {
    const fd = connect('udp', address, 9, 0x8000_0007);
    const inode = readlinkSync(`/proc/self/fd/${fd}`).match(/\d+/)![0];
    const shown = execFileSync('ss', ['-Huane'], { encoding: 'utf8' }).split('\n');
    expect(shown.find((line) => line.includes(`ino:${inode} `))).toContain('fwmark:0x80000007');
  });

  test('raw sockets: an echo, whose request and answer both come', async () => {
    const fd = connect('icmp', LOOPBACK, 0, 0);
    // RFC 792: type 8, checksum, identifier and sequence 1.
    writeSync(fd, Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1));
    const types: number[] = [];
    const buffer = Buffer.alloc(100);
    while (types.length < 2) {
      await until(fd, 'readable');
      readSync(fd, buffer);
      if (buffer.readUInt32BE(24) === 0x10001) types.push(buffer[20]!);
    }
    expect(types.sort()).toEqual([0, 8]);
  });
});
