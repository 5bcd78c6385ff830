// The server against malicious and broken clients.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Status } from '@nfqlb/protocol/status';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Counters, WorkerCounters } from '../shared/counters.js';
import { FAMILIES } from './families.js';
import { serveMetrics } from './metrics-server.js';

const MAX_CLIENTS = 32;

/** The server's timeout for clients in most of these tests. */
const REQUEST_TIMEOUT_MS = 1000;

/** One that does not pass during a test, however busy the machine is. */
const ENDLESS_MS = 600_000;

function statusWith(flows: number): Status {
  const counters = new Counters(1);
  new WorkerCounters(counters.memory, 0).count(101, 0, 100);
  const queue = { queue: 2, length: 1024, bound: true, waiting: 0, queueDropped: 0, socketDropped: 0, stalled: 0, counts: counters.of(0) };
  return {
    format: 1,
    version: 'nfqlb-1.2.3',
    command: 'flowlb',
    pid: 1,
    uptime: 1,
    problems: [],
    queues: [queue],
    targets: [{ fwmark: 101, active: true, packets: 1, octets: 100 }],
    otherTargets: { packets: 0, octets: 0 },
    flows: Array.from({ length: flows }, (_, i) => ({ name: `flow-${i}`, target: 't', packets: i, octets: 100 * i })),
    flowChanges: flows,
    tables: [{ name: 'odd "name"\\\n', present: true, buckets: 997, targets: 1, changes: 4 }],
    fragments: { active: 0, hsize: 500 },
  };
}

let status: Status | undefined;
let problems: string[];
let warnings: string[];
let server: Awaited<ReturnType<typeof serveMetrics>>;
let port: number;
const sockets: Socket[] = [];

beforeEach(async () => {
  status = statusWith(3);
  problems = [];
  warnings = [];
  await serve(REQUEST_TIMEOUT_MS);
});

afterEach(end);

async function serve(timeoutMs: number): Promise<void> {
  const source = { status: () => status, problems: () => problems, warnings: () => warnings };
  // Port 0: any free port.
  server = await serveMetrics({ host: '127.0.0.1', port: 0 }, source, timeoutMs);
  ({ port } = server.address() as AddressInfo);
}

async function end(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}

/** Sends a request; returns status and body of the response. */
async function get(path: string, method = 'GET'): Promise<[number, string]> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent: false });
  asked.end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return [response.statusCode, text];
}

/** A client that sends this text, and collects what it receives. */
async function send(text: string): Promise<{ socket: Socket; received: () => string; ended: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk;
  });
  const ended = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(text);
  return { socket, received: () => received, ended };
}

test('serves health as text, and metrics once there is a status', async () => {
  expect(await get('/healthz')).toEqual([200, 'healthy\n']);
  warnings = ['table web was deleted'];
  expect(await get('/healthz')).toEqual([200, 'healthy\nwarning: table web was deleted\n']);
  problems = ['queue 2: a', 'queue 3: b'];
  expect(await get('/healthz')).toEqual([503, 'queue 2: a\nqueue 3: b\n']);
  const [ok, text] = await get('/metrics?name=x');
  expect(ok).toBe(200);
  expect(text).toContain('nfqlb_build_info{version="1.2.3",command="flowlb"');
  expect(text).toContain('\nnfqlb_target_bytes_total{fwmark="101"} 100\n');
  expect(text).toContain('\nnfqlb_packets_total{queue="2",verdict="accept",reason="balanced"} 1\n');
  expect(text).toContain('\nnfqlb_table_changes_total{table="odd \\"name\\"\\\\\\n"} 4\n');
  status = undefined;
  expect(await get('/metrics')).toEqual([503, 'it is starting\n']);
  expect(await get('/')).toEqual([404, 'not found: only /metrics and /healthz exist\n']);
  expect(await get('/healthz', 'HEAD')).toEqual([503, '']);
  expect(await get('/metrics', 'DELETE')).toEqual([405, 'only GET is allowed\n']);
});

test('every family has help, a type and a name as Prometheus requires', async () => {
  const [, text] = await get('/metrics');
  const types = [...text.matchAll(/^# TYPE (nfqlb_\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const);
  expect(types.length).toBeGreaterThan(30);
  for (const [name, type] of types) {
    expect(text).toMatch(new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'));
    if (type === 'counter') expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
  }
});

test('docs/metrics.md lists exactly these families', async () => {
  const guide = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `(nfqlb_\w+)` /gm)].map(([, name]) => name);
  expect(rows.toSorted()).toEqual(FAMILIES.map(({ name }) => name).toSorted());
});

describe('clients that', () => {
  test('do not speak HTTP get only an error', async () => {
    for (const garbage of ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GET\r\n\r\n', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`]) {
      const client = await send(garbage);
      await client.ended;
      expect(client.received()).toMatch(/^HTTP\/1.1 (400|431) /);
    }
    expect((await get('/healthz'))[0]).toBe(200);
  });

  test('send a body are answered at once', async () => {
    const client = await send('POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nabc');
    await client.ended;
    expect(client.received()).toMatch(/^HTTP\/1.1 405 /);
  });

  describe('send or read slowly', () => {
    let dripping: Awaited<ReturnType<typeof send>>;
    let notReading: typeof dripping;
    let drip: ReturnType<typeof setInterval>;

    async function connectBoth(): Promise<void> {
      status = statusWith(10_000);
      dripping = await send('GET /metrics HTTP/1.1\r\n');
      drip = setInterval(() => dripping.socket.write('X: y\r\n'), 200);
      notReading = await send('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20));
      notReading.socket.pause();
    }

    afterEach(() => clearInterval(drip));

    test('delay nobody else', async () => {
      await end();
      await serve(ENDLESS_MS);
      await connectBoth();
      expect((await get('/healthz'))[0]).toBe(200);
      // That answer came while both were still connected.
      expect([dripping.socket.readyState, notReading.socket.readyState]).toEqual(['open', 'open']);
    });

    test('are disconnected', async () => {
      await connectBoth();
      await dripping.ended;
      // A paused socket does not notice that the other end has closed.
      await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count))), { timeout: 20_000 }).toBe(0);
    });
  });

  test('are too many are refused, until others disconnect', async () => {
    await end();
    await serve(ENDLESS_MS);
    const clients = await Promise.all(Array.from({ length: MAX_CLIENTS }, () => send('GET /')));
    await expect(get('/healthz')).rejects.toThrow();
    for (const { socket } of clients) socket.destroy();
    await expect.poll(() => get('/healthz').catch(() => []), { timeout: 20_000 }).toEqual([200, 'healthy\n']);
  });
});

test('10,000 flows are all reported', async () => {
  status = statusWith(10_000);
  const [, text] = await get('/metrics');
  const packets = [...text.matchAll(/^nfqlb_flow_packets_total\{flow="flow-(\d+)"\} (\d+)$/gm)];
  expect(packets.length).toBe(10_000);
  expect(packets.every(([, flow, count]) => flow === count)).toBe(true);
});
