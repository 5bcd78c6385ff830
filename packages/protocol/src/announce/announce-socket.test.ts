import type { Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Access } from '../sockets/access.js';
import { exchange } from '../sockets/exchange.js';
import { type AnnounceOrder, sendAnnounce, serveAnnounce } from './announce-socket.js';

/** No queue has such a number. */
const QUEUE = 1_000_000 + process.pid;
const address = { kind: 'unix', name: `nfqlb-announce-${QUEUE}` } as const;
let server: Server;
let orders: AnnounceOrder[];
beforeEach(async () => {
  orders = [];
  server = await serveAnnounce(QUEUE, (order) => orders.push(order), new Access());
});
afterEach(() => {
  server.close();
});

test('orders are carried out in turn', async () => {
  await sendAnnounce(QUEUE, 'drain');
  await sendAnnounce(QUEUE, 'resume');
  expect(orders).toEqual(['drain', 'resume']);
});

test.each(['stop\n', '\n', 'x'.repeat(100), 'drain resume\n'])('what is no order is refused: %j', async (request) => {
  const reply = await exchange(address, { request, timeoutMs: 2000, maxReply: 1000 });
  expect(JSON.parse(reply.toString())).toEqual({ refused: 'no such order: must be drain or resume' });
  expect(orders).toEqual([]);
});

test('an order may come in pieces, and what follows it is no further order', async () => {
  const { connect } = await import('../sockets/connect.js');
  const socket = await connect(address);
  socket.write('dra');
  socket.write('in\nresume\n');
  socket.resume();
  await new Promise((resolve) => socket.once('end', resolve));
  expect(orders).toEqual(['drain']);
});

test('a load balancer that does not run', async () => {
  await expect(sendAnnounce(QUEUE + 1, 'drain')).rejects.toThrow(`the load balancer of queue ${QUEUE + 1}: `);
});
