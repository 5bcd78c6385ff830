import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { listenAbstract } from '@nfqlb/native';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../sockets/connect.js';
import type { Status } from './status.js';
import { askAllStatuses, askStatus, findLoadBalancers, serveStatus } from './status-socket.js';

/** A queue that probably no load balancer on this machine uses. */
const QUEUE = 60_000 + (process.pid % 5000);

const COUNTS = {
  ...{ packets: 0, batches: 0, reinjected: 0, notReinjected: 0, verdictErrors: 0, turns: 0 },
  ...{ accepted: [0], dropped: [0], acceptedOctets: [0], droppedOctets: [0] },
  batchSizes: { buckets: [0], sum: 0 },
  turnTimes: { buckets: [0], sum: 0 },
};
const QUEUE_STATUS = { queue: 2, length: 1024, bound: true, waiting: 0, queueDropped: 0, socketDropped: 0, stalled: 0, counts: COUNTS };
/** Too long for a socket's buffer. */
const STATUS: Status = {
  ...{ format: 1, version: 'nfqlb-0', command: 'lb', pid: 7, uptime: 1, problems: [], targets: [], fragments: { active: 0 } },
  queues: [QUEUE_STATUS],
  otherTargets: { packets: 0, octets: 0 },
  tables: [{ name: 'x'.repeat(4_000_000), present: true, buckets: 97, targets: 0 }],
};

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** Another program that listens at the address. */
async function impostor(serve: (socket: Socket) => void): Promise<void> {
  const server = createServer(serve);
  server.listen({ fd: listenAbstract(`nfqlb-status-${QUEUE}`) });
  await once(server, 'listening');
  servers.push(server);
}

test('a load balancer can be found and queried while it runs', async () => {
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
  await expect(askStatus(QUEUE)).rejects.toThrow(`the load balancer of queue ${QUEUE}: unix:nfqlb-status-${QUEUE}: nobody listens on it`);
});

test('a client that does not read is disconnected, and does not block others', async () => {
  const server = await serveStatus(QUEUE, () => STATUS);
  servers.push(server);
  const notReading = await Promise.all(Array.from({ length: 10 }, () => connect({ kind: 'unix', name: `nfqlb-status-${QUEUE}` })));
  for (const socket of notReading) socket.on('error', () => {}).pause();
  expect((await askStatus(QUEUE)).pid).toBe(7);
  // That answer came while all of them were still connected.
  expect(notReading.map(({ destroyed }) => destroyed)).toEqual(notReading.map(() => false));
  await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count))), { timeout: 4000 }).toBe(0);
  for (const socket of notReading) socket.destroy();
});

test.each([
  ['sends nothing', (socket: Socket) => socket.end(), 'its reply is not a status'],
  ['sends garbage', (socket: Socket) => socket.end('\x1b[2J'), 'its reply is not a status'],
  ['has another version', (socket: Socket) => socket.end('{"format":2}'), 'it runs another version than this program'],
  ['sends null', (socket: Socket) => socket.end('null'), 'it runs another version than this program'],
  [
    'sends too much',
    (socket: Socket) => socket.on('error', () => {}).end(Buffer.alloc(40_000_000, ' ')),
    'the reply is longer than 33554432 octets',
  ],
  ['does not answer', () => {}, 'no reply within 2 s'],
])('an impostor that %s is reported', async (_, serve, problem) => {
  const sockets: Socket[] = [];
  await impostor((socket) => {
    sockets.push(socket);
    serve(socket);
  });
  await expect(askStatus(QUEUE)).rejects.toThrow(`the load balancer of queue ${QUEUE}: ${problem}`);
  for (const socket of sockets) socket.destroy();
});

test.each([
  ['a number instead of a list', { ...STATUS, queues: 3 }, 'queues'],
  ['a missing field', { ...STATUS, tables: [{ present: true, buckets: 1, targets: 0 }] }, 'tables.0.name'],
  ['text instead of a count', { ...STATUS, queues: [{ ...QUEUE_STATUS, counts: { ...COUNTS, packets: '5' } }] }, 'queues.0.counts.packets'],
  ['a number instead of a name', { ...STATUS, flows: [{ name: 1, target: 'web', packets: 0, octets: 0 }] }, 'flows.0.name'],
  ['lists instead of statistics', { ...STATUS, fragments: { active: [] } }, 'fragments.active'],
  ['no queue', { ...STATUS, queues: [] }, 'queues'],
  ['a number instead of degradations', { ...STATUS, degradations: 5 }, 'degradations'],
  [
    'a target without addresses',
    { ...STATUS, health: [{ name: 'web', panic: false, targets: [{ fwmark: 1 }] }] },
    'health.0.targets.0.addresses',
  ],
  ['a number instead of a file', { ...STATUS, file: 1 }, 'file'],
  ['null instead of problems', { ...STATUS, problems: null }, 'problems'],
])('a status with %s is refused', async (_what, status, fault) => {
  await impostor((socket) => socket.end(JSON.stringify(status)));
  await expect(askStatus(QUEUE)).rejects.toThrow(`its reply is not a status: ${fault}`);
});

test('who asks all is told of one that is silent, soon, and when it is given up', async () => {
  const sockets: Socket[] = [];
  await impostor((socket) => void sockets.push(socket));
  const told: [string, number][] = [];
  const begin = performance.now();
  expect(await askAllStatuses((line) => told.push([line, performance.now() - begin]))).toEqual([]);
  for (const socket of sockets) socket.destroy();
  const name = `the load balancer of queue ${QUEUE}`;
  expect(told.map(([line]) => line)).toEqual([`${name} does not answer; waiting for up to 2 s`, `${name}: no reply within 2 s`]);
  expect(told[0]![1]).toBeLessThan(1500);
});
