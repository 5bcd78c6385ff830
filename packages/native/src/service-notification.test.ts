import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendNotification } from './index.js';

/** Receives datagrams, and prints each as a line of JSON; `wait` receives none. */
const RECEIVER = `
import json, socket, sys, time
address, mode = sys.argv[1:]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + address[1:] if address[0] == "@" else address)
print("bound", flush=True)
while mode == "wait": time.sleep(1)
while True: print(json.dumps(receiver.recv(65536).decode()), flush=True)`;

let folder: string;
let program: ChildProcessWithoutNullStreams | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-notify-'));
});
afterEach(async () => {
  if (program?.kill('SIGKILL')) await once(program, 'exit');
  program = undefined;
  rmSync(folder, { recursive: true });
});

/** Starts a receiver; `next` is the next datagram. */
async function receiver(address: string, mode: 'print' | 'wait' = 'print'): Promise<{ readonly next: () => Promise<string> }> {
  program = spawn('python3', ['-c', RECEIVER, address, mode]);
  const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => (await lines.next()).value;
  expect(await line()).toBe('bound');
  return { next: async () => JSON.parse(await line()) };
}

describe.each([
  ['a path', () => join(folder, 'notify')],
  ['the longest path', () => join(folder, 'x'.repeat(106 - folder.length))],
  ['an abstract name', () => `@nfqlb-test-notify-${process.pid}`],
])('to %s', (_, address) => {
  test('each notification is a datagram of its own, unchanged', async () => {
    const { next } = await receiver(address());
    sendNotification(address(), 'READY=1\nSTATUS=listening: queue 2, „VIP“');
    sendNotification(address(), 'WATCHDOG=1');
    expect(await next()).toBe('READY=1\nSTATUS=listening: queue 2, „VIP“');
    expect(await next()).toBe('WATCHDOG=1');
  });
});

test('leaves no descriptor open', async () => {
  await receiver(join(folder, 'notify'));
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let i = 0; i < 5; i++) sendNotification(join(folder, 'notify'), 'WATCHDOG=1');
  expect(() => sendNotification(join(folder, 'none'), 'WATCHDOG=1')).toThrow('ENOENT');
  expect(count()).toBe(before);
});

test('a receiver that reads nothing does not block the sender', async () => {
  const address = join(folder, 'notify');
  await receiver(address, 'wait');
  expect(() => {
    for (let i = 0; i < 100_000; i++) sendNotification(address, 'WATCHDOG=1');
  }).toThrow(`NOTIFY_SOCKET=${address}: its receiver is busy (EAGAIN)`);
});

test('errors', async () => {
  const gone = join(folder, 'gone');
  await receiver(gone);
  program!.kill('SIGKILL');
  await once(program!, 'exit');
  program = undefined;
  expect(() => sendNotification(gone, 'READY=1')).toThrow(`NOTIFY_SOCKET=${gone}: nobody receives on it any more (ECONNREFUSED)`);
  const none = join(folder, 'none');
  expect(() => sendNotification(none, 'READY=1')).toThrow(`NOTIFY_SOCKET=${none}: there is no such socket (ENOENT)`);
  const long = `/${'x'.repeat(107)}`;
  expect(() => sendNotification(long, 'READY=1')).toThrow(`NOTIFY_SOCKET=${long}: an address has at most 107 octets (ENAMETOOLONG)`);
  expect(() => sendNotification('', 'READY=1')).toThrow('ECONNREFUSED');
});
