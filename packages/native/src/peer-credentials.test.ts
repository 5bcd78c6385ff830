import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { connectAbstract, listenAbstract, type PeerCredentials, peerCredentials } from './index.js';
import { NOBODY } from './testing/as-user.js';
import { describeLive } from './testing/describe-live.js';
import { TestProgram } from './testing/program.js';

const NAME = `nfqlb-test-peer-${process.pid}`;

let close: () => void = () => {};
afterEach(() => close());

/** Listens; `peer` resolves to the first client. */
async function listen(): Promise<{ readonly peer: Promise<PeerCredentials> }> {
  const server = createServer();
  server.listen({ fd: listenAbstract(NAME) });
  close = () => server.close();
  await once(server, 'listening');
  const peer = once(server, 'connection').then(([socket]) => {
    const { fd } = (socket as Socket & { _handle: { fd: number } })._handle;
    try {
      return peerCredentials(fd);
    } finally {
      (socket as Socket).destroy();
    }
  });
  return { peer };
}

test('both ends see this process’s credentials when it connects to itself', async () => {
  const { peer } = await listen();
  const fd = connectAbstract(NAME);
  const own = { pid: process.pid, uid: process.geteuid!(), gid: process.getegid!() };
  expect(peerCredentials(fd)).toMatchObject(own);
  expect(await peer).toMatchObject(own);
  closeSync(fd);
});

test('a descriptor that is not a unix socket is an error', () => {
  const fd = openSync('/dev/null', 'r');
  expect(() => peerCredentials(fd)).toThrow("unix socket: reading the peer's credentials: Socket operation on non-socket (ENOTSOCK)");
  closeSync(fd);
  expect(() => peerCredentials(-1)).toThrow('EBADF');
});

describeLive('credentials of another user', () => {
  test.each([
    ['without groups', []],
    ['with some groups', [5, 60]],
    ['with more groups than the first buffer holds', Array.from({ length: 300 }, (_, i) => 1000 + i)],
  ])('%s', async (_, groups) => {
    const { peer } = await listen();
    const program = await TestProgram.make('connect-program');
    const as = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
    const client = spawn('setpriv', [`--reuid=${NOBODY}`, '--regid=65533', as, process.execPath, program.file, NAME], { stdio: 'inherit' });
    const ended = once(client, 'exit');
    try {
      expect(await peer).toEqual({ pid: client.pid, uid: NOBODY, gid: 65533, groups });
      await ended;
    } finally {
      program.remove();
    }
  });
});
