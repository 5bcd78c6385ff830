import { connect, createServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAbstract, SharedMemory } from '@nfqlb/native';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Access } from '../sockets/access.js';
import { listen } from '../sockets/listen.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import { LogConfig } from './log-config.js';
import { followTrace } from './trace-client.js';
import type { SentPacket, TraceEvent } from './trace-message.js';
import { TraceServer } from './trace-server.js';

const NAME = `nfqlb-test-trace-${process.pid}`;
const ADDRESS: SocketAddress = { kind: 'unix', name: NAME };
const PACKET: SentPacket = { time: 1, wireLength: 2, octets: 'AAA=', comment: 'c' };

let config: LogConfig;
let server: TraceServer;
let changes: number[];
beforeEach(async () => {
  process.env.NFQLB_TRACE_SHM = NAME;
  config = new LogConfig();
  changes = [];
  server = new TraceServer(config, {
    access: new Access(),
    changed: (areas) => changes.push(areas),
    hint: (areas) => (areas === 64 ? 'a hint' : undefined),
  });
  await server.listen(ADDRESS, false);
});
afterEach(async () => {
  await server.close();
  config.close();
  SharedMemory.unlink(NAME);
  delete process.env.NFQLB_TRACE_SHM;
});

/** A client that collects all events. */
function follow(
  areas: number,
  octets = false,
): { events: TraceEvent[]; texts: () => string[]; leave: () => Promise<void>; ended: Promise<unknown> } {
  const trace = followTrace(ADDRESS, { areas, octets });
  const events: TraceEvent[] = [];
  let left = false;
  const ended = (async () => {
    for await (const event of trace) {
      if (left) return;
      events.push(event);
    }
  })().catch((error: unknown) => error);
  const leave = async (): Promise<void> => {
    left = true;
    // The client notices that it should leave when it receives the next line.
    server.note(0xffff, 'bye');
    await ended;
  };
  return { events, texts: () => events.map(({ text }) => text), leave, ended };
}

/** A client like that of C nfqlb: sets the mask for all, connects, and sends nothing. */
function listenLikeC(mask: number): { socket: Socket; received: () => string } {
  config.traceMask = mask;
  const socket = new Socket({ fd: connectAbstract(NAME), readable: true, writable: true });
  let text = '';
  socket.setEncoding('utf8').on('data', (more) => {
    text += more;
  });
  return { socket, received: () => text };
}

const areasBecome = (areas: number): Promise<void> => expect.poll(() => server.areas).toBe(areas);

test('each client gets what it asked for, and the mask is cleared when the last leaves', async () => {
  const packets = follow(2);
  await areasBecome(2);
  const log = follow(1 | 64, true);
  await areasBecome(67);
  server.tell(1, 'a line');
  server.tell(2, 'a packet', () => PACKET);
  server.tell(64 | 2, 'a traced packet', () => PACKET);
  server.tell(4, 'a fragment');
  await expect.poll(() => log.events.length).toBe(2);
  expect(log.events).toEqual([
    { areas: 1, text: 'a line' },
    { areas: 64, text: 'a traced packet', packet: PACKET },
  ]);
  expect(packets.events).toEqual([
    { areas: 2, text: 'a packet' },
    { areas: 2, text: 'a traced packet' },
  ]);
  // Others that read the mask, perhaps a load balancer of another container, do not see the request.
  expect(config.traceMask).toBe(0);
  await log.leave();
  await areasBecome(2);
  await packets.leave();
  await areasBecome(0);
  expect(config.traceMask).toBe(0);
  expect(changes).toEqual([2, 67, 2, 0]);
});

test('a client of C nfqlb gets lines, and can change its areas with the mask', async () => {
  const { socket, received } = listenLikeC(8);
  await areasBecome(8);
  server.tell(8, 'one');
  await expect.poll(received).toBe('Trace active, mask=0x00000008, requests taken\none\n');
  config.traceMask = 1;
  server.look();
  server.tell(8, 'two');
  server.tell(1, 'three');
  await expect.poll(received).toContain('one\nthree\n');
  socket.destroy();
  await areasBecome(0);
  expect(config.traceMask).toBe(0);
});

test('a client that does not read loses lines and is told how many; others lose none', async () => {
  const fast = follow(1);
  await areasBecome(1);
  const { socket: slow, received } = listenLikeC(1);
  await expect.poll(received).toContain('Trace active');
  await sleep(150);
  slow.pause();
  const line = 'x'.repeat(1000);
  const LINES = 20_000;
  for (let i = 0; i < LINES; i++) {
    server.tell(1, `${i} ${line}`);
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => fast.events.length, { timeout: 10_000 }).toBe(LINES);
  slow.resume();
  await expect.poll(received, { timeout: 10_000 }).toMatch(/\d+ lines lost: this client reads too slowly\n$/);
  const lost = Number(/(\d+) lines lost/.exec(received())![1]);
  const got = received()
    .split('\n')
    .filter((text) => text.includes('xxx'));
  expect(got.length + lost).toBe(LINES);
  expect(got.map((text) => Number(text.split(' ')[0]))).toEqual(Array.from(got.keys()));
  server.tell(1, 'again');
  await expect.poll(received).toMatch(/slowly\nagain\n$/);
  slow.destroy();
  await fast.leave();
});

test('a client that would wait in vain gets a hint, which belongs to no area', async () => {
  const { events, leave } = follow(64);
  await expect.poll(() => events).toEqual([{ areas: 0, text: 'a hint' }]);
  await leave();
});

test('a client with an invalid request is disconnected', async () => {
  for (const rubbish of ['hello\n', '{"areas":"x","octets":true}\n', '{}\n', 'x'.repeat(5000), '{"areas":1,\n']) {
    const socket = new Socket({ fd: connectAbstract(NAME), readable: true, writable: true });
    socket.resume();
    socket.write(rubbish);
    await new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  }
  await areasBecome(0);
});

test('over TCP, a client without write access to the shared memory gets nothing', async () => {
  const overTcp = new TraceServer(config, { access: new Access(), changed: () => {} });
  await overTcp.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, false);
  const socket = connect(overTcp.port!, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text) => {
    received += text;
  });
  socket.write('{"areas":127,"octets":true}\n');
  await expect.poll(() => received).toContain('{"areas":0}\n');
  overTcp.tell(127, 'secret');
  await sleep(50);
  expect(received).not.toContain('secret');
  socket.destroy();
  await overTcp.close();
});

test('a client with the right to trace needs no write access to the shared memory; the mask of another load balancer stays', async () => {
  config.traceMask = 4;
  process.env.NFQLB_TRACE_SHM = '/';
  const { events, leave } = follow(2);
  await areasBecome(2);
  server.tell(2, 'a packet');
  await expect.poll(() => events.length).toBe(1);
  await leave();
  await areasBecome(0);
  expect(config.traceMask).toBe(4);
});

test('a client reports that no load balancer runs, and leaves no mask behind', async () => {
  await expect(followTrace({ kind: 'unix', name: `${NAME}-none` }, { areas: 2, octets: false }).next()).rejects.toThrow(
    `unix:${NAME}-none: nobody listens there in this network namespace; start nfqlb lb or nfqlb flowlb`,
  );
  expect(config.traceMask).toBe(0);
});

test('over TCP, a client reports that the load balancer has different shared memory', async () => {
  const overTcp = new TraceServer(config, { access: new Access(), changed: () => {} });
  await overTcp.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, false);
  process.env.NFQLB_TRACE_SHM = `${NAME}-other`;
  try {
    const address: SocketAddress = { kind: 'tcp', host: '127.0.0.1', port: overTcp.port! };
    await expect(followTrace(address, { areas: 3, octets: false }).next()).rejects.toThrow(
      /does not see the request to trace log,packet; does it have another/,
    );
  } finally {
    SharedMemory.unlink(`${NAME}-other`);
    await overTcp.close();
  }
});

test('C nfqlb, which accepts no requests, sends lines but no packets, and has one mask for its only client', async () => {
  const asC = createServer((socket) => {
    socket.write('Trace active, mask=0x00000042\nMatch for trace-flow: a\n');
    socket.on('data', () => socket.destroy());
    setTimeout(() => socket.end('last\n'), 100);
  });
  const address: SocketAddress = { kind: 'unix', name: `${NAME}-c` };
  await listen(asC, address, { danger: '' });
  config.traceMask = 1;
  const texts: string[] = [];
  for await (const { text } of followTrace(address, { areas: 66, octets: false })) {
    texts.push(text);
    expect(config.traceMask).toBe(66);
  }
  expect(texts).toEqual(['Trace active, mask=0x00000042', 'Match for trace-flow: a', 'last']);
  await expect(followTrace(address, { areas: 66, octets: true }).next()).rejects.toThrow('sends only lines, not packets');
  asC.close();
});

test('ends with the load balancer, after the last lines', async () => {
  const client = follow(1);
  await areasBecome(1);
  server.tell(1, 'last');
  await server.close();
  await client.ended;
  expect(client.texts()).toEqual(['last']);
});
