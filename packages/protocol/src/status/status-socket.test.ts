import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { listenAbstract } from '@nfqlb/native';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../sockets/connect.js';
import type { Status } from './status.js';
import { askStatus, findLoadBalancers, serveStatus } from './status-socket.js';

/** One that no load-balancer of this machine is likely to have. */
const QUEUE = 60_000 + (process.pid % 5000);

const STATUS = { format: 1, command: 'lb', pid: 7, tables: [{ name: 'x'.repeat(4_000_000) }] } as unknown as Status;

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** Somebody else who has taken the name, and says this. */
async function impostor(talk: (socket: Socket) => void): Promise<void> {
  const server = createServer(talk);
  server.listen({ fd: listenAbstract(`nfqlb-status-${QUEUE}`) });
  await once(server, 'listening');
  servers.push(server);
}

test('a load-balancer is found, and asked, for as long as it is there', async () => {
  let made = 0;
  const server = await serveStatus(QUEUE, () => {
    made++;
    return STATUS;
  });
  expect(findLoadBalancers()).toContain(QUEUE);
  expect(await Promise.all([askStatus(QUEUE), askStatus(QUEUE)])).toEqual([STATUS, STATUS]);
  expect(made).toBe(2);
  await expect(serveStatus(QUEUE, () => STATUS)).rejects.toThrow(`unix:nfqlb-status-${QUEUE}: another program listens on it (EADDRINUSE)`);
  server.close();
  await once(server, 'close');
  expect(findLoadBalancers()).not.toContain(QUEUE);
  await expect(askStatus(QUEUE)).rejects.toThrow(`the load-balancer of queue ${QUEUE}: unix:nfqlb-status-${QUEUE}: nobody listens on it`);
});

test('who does not take what it asked for is cut off, and holds up nobody', async () => {
  const server = await serveStatus(QUEUE, () => STATUS);
  servers.push(server);
  const deaf = await Promise.all(Array.from({ length: 10 }, () => connect({ kind: 'unix', name: `nfqlb-status-${QUEUE}` })));
  for (const socket of deaf) socket.on('error', () => {}).pause();
  const begin = performance.now();
  expect((await askStatus(QUEUE)).pid).toBe(7);
  expect(performance.now() - begin).toBeLessThan(1500);
  await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count))), { timeout: 4000 }).toBe(0);
  for (const socket of deaf) socket.destroy();
});

test.each([
  ['says nothing', (socket: Socket) => socket.end(), 'it said nothing'],
  ['talks nonsense', (socket: Socket) => socket.end('\x1b[2J'), 'it said nothing'],
  ['is of another version', (socket: Socket) => socket.end('{"format":2}'), 'it is of another version than this program'],
  ['says null', (socket: Socket) => socket.end('null'), 'it is of another version than this program'],
  [
    'says too much',
    (socket: Socket) => socket.on('error', () => {}).end(Buffer.alloc(40_000_000, ' ')),
    'it says more than 33554432 octets',
  ],
  ['keeps one waiting', () => {}, 'no answer within 2000 ms'],
])('what %s is named', async (_, talk, problem) => {
  const sockets: Socket[] = [];
  await impostor((socket) => {
    sockets.push(socket);
    talk(socket);
  });
  await expect(askStatus(QUEUE)).rejects.toThrow(`the load-balancer of queue ${QUEUE}: ${problem}`);
  for (const socket of sockets) socket.destroy();
});
