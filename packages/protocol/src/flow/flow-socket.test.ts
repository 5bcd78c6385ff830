import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineFlow, type FlowDefinition, listFlow } from '@nfqlb/core/flows';
import { connectAbstract } from '@nfqlb/native';
import { afterEach, describe, expect, test } from 'vitest';
import { listen } from '../sockets/listen.js';
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { changeFlows } from './change-flows.js';
import { sendFlowCommand } from './flow-client.js';
import { type FlowRequest, formatRefusal, formatRequest, MAX_REQUEST, OK, parseReply, parseRequest } from './flow-message.js';
import { type FlowHandler, serveFlows } from './flow-server.js';

const UNIX: SocketAddress = { kind: 'unix', name: `nfqlb-test-flows-${process.pid}` };
const SET: FlowRequest = { action: 'set', fields: { name: 'web', target: 'nfqlb', priority: '10', dsts: '10.0.0.1/32,1000::1/128' } };

describe('addresses', () => {
  test.each(['unix:nfqlb', 'unix:a:b', 'tcp:127.0.0.1:4000', 'tcp:[::1]:4000', 'tcp:0.0.0.0:1'])('%s', (address) => {
    expect(formatSocketAddress(parseSocketAddress(address))).toBe(address);
  });

  test.each([
    '',
    'nfqlb',
    'unix:',
    `unix:${'x'.repeat(108)}`,
    'tcp:localhost:1',
    'tcp:1.2.3.4',
    'tcp:1.2.3.4:65536',
    'tcp:::1:4',
    'tcp:[1.2.3.4]:5',
  ])('refused: %j', (address) => {
    expect(() => parseSocketAddress(address)).toThrow(/^.*: must be unix:NAME, tcp:ADDRESS:PORT or tcp:\[IPV6-ADDRESS\]:PORT$/);
  });
});

describe('messages', () => {
  test('a request has the format of C nfqlb', () => {
    expect(formatRequest(SET)).toBe('action:set\nname:web\ntarget:nfqlb\npriority:10\ndsts:10.0.0.1/32,1000::1/128\neoc:\n');
    expect(parseRequest(formatRequest(SET))).toEqual(SET);
  });

  test('the first of duplicate fields counts; unknown fields and everything after eoc are ignored', () => {
    const request = 'name:a\naction:delete\nname:b\ncolour:red\naction:set\neoc:whatever\ntarget:t\n';
    expect(parseRequest(request)).toEqual({ action: 'delete', fields: { name: 'a' } });
  });

  test.each([
    ['name:a\neoc:\n', 'no action'],
    ['action:explode\neoc:\n', 'action "explode": must be one of set, delete, list'],
    ['action:set\nrubbish\neoc:\n', '"rubbish": must be a field, a colon and its value'],
  ])('%j is refused', (request, reason) => {
    expect(() => parseRequest(request)).toThrow(reason);
  });

  test.each(['no', 'x'.repeat(57), 'x'.repeat(58), 'ä'.repeat(300)])(
    'a refusal has a NUL within 64 octets, but is read completely: %s',
    (reason) => {
      const reply = formatRefusal(reason);
      expect(reply.subarray(0, 64)).toContain(0);
      expect(parseReply(reply)).toBe(`FAIL: ${reason}`);
    },
  );
});

describe('a server', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  const open = (address: SocketAddress = UNIX): Socket =>
    address.kind === 'unix'
      ? new Socket({ fd: connectAbstract(address.name), readable: true, writable: true })
      : connect(address.port, address.host);

  const echo: FlowHandler = (request) => (request.action === 'list' ? Buffer.from(JSON.stringify(request.fields)) : OK);

  test.each([
    ['unix', UNIX],
    ['tcp', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['tcp over IPv6', { kind: 'tcp', host: '::1', port: 0 }],
  ] as const)('and a client, over %s', async (_name, address) => {
    server = await serveFlows(address, echo);
    const at: SocketAddress = address.kind === 'unix' ? address : { ...address, port: (server.address() as AddressInfo).port };
    expect(await sendFlowCommand(at, SET)).toBe('OK');
    expect(await sendFlowCommand(at, { action: 'list', fields: { name: 'web' } })).toBe('{"name":"web"}');
  });

  test('sends a refusal, and keeps serving', async () => {
    const reason = `flow web: ${'x'.repeat(100)}`;
    server = await serveFlows(UNIX, ({ action }) => {
      if (action === 'set') throw Object.assign(new Error(reason), { code: 'TEST' });
      return OK;
    });
    await expect(sendFlowCommand(UNIX, SET)).rejects.toMatchObject({ code: 'REFUSED', message: reason });
    expect(await sendFlowCommand(UNIX, { action: 'delete', fields: {} })).toBe('OK');
  });

  test('accepts a request in pieces of any size', async () => {
    server = await serveFlows(UNIX, ({ fields }) => Buffer.from(fields.dsts!));
    const dsts = Array.from({ length: 2000 }, (_, i) => `10.0.${i >> 8}.${i & 255}/32`).join(',');
    const request = formatRequest({ action: 'list', fields: { name: 'eoc', dsts } });
    for (const size of [1000, 7777, request.length]) {
      const socket = open();
      for (let at = 0; at < request.length; at += size) {
        socket.write(request.slice(at, at + size));
        await sleep(1);
      }
      expect(await text(socket)).toBe(dsts);
    }
    const byOctet = open();
    for (const octet of 'action:list\ndsts:x\neoc:\n') {
      byOctet.write(octet);
      await sleep(1);
    }
    expect(await text(byOctet)).toBe('x');
  });

  test.each([
    ['half a line', (socket: Socket) => socket.end('action:se'), 'FAIL: the request ends without eoc:'],
    ['no eoc', (socket: Socket) => socket.end('action:set\nname:a\n'), 'FAIL: the request ends without eoc:'],
    ['rubbish', (socket: Socket) => socket.end(Buffer.from([0xff, 0x0a, 0, 0x0a, ...Buffer.from('eoc:\n')])), 'FAIL: '],
    [
      'ten megabytes',
      (socket: Socket) => socket.write('x'.repeat(10 * MAX_REQUEST)),
      `FAIL: the request is longer than ${MAX_REQUEST} octets`,
    ],
  ])('refuses %s', async (_name, misbehave, expected) => {
    server = await serveFlows(UNIX, echo);
    const socket = open();
    socket.on('error', () => {});
    const reply = buffer(socket).catch(() => Buffer.from(expected));
    misbehave(socket);
    expect(parseReply(await reply)).toContain(expected);
    expect(await sendFlowCommand(UNIX, SET)).toBe('OK');
  });

  test.each([
    ['it serves others meanwhile', 3_600_000],
    ['it disconnects them', 50],
  ])(
    'is not blocked by clients that send nothing or half a line, or do not read the reply: %s',
    async (_what, timeout) => {
      const big: FlowHandler = ({ action }) => (action === 'list' ? Buffer.alloc(1 << 22) : OK);
      server = await serveFlows(UNIX, big, false, undefined, timeout);
      const silent = Array.from({ length: 20 }, () => open());
      const half = open();
      half.write('action:li');
      const notReading = open();
      notReading.pause();
      notReading.write('action:list\neoc:\n');
      const sockets = [...silent, half, notReading];
      for (const socket of sockets) socket.on('error', () => {});
      for (let i = 0; i < 50; i++) expect(await sendFlowCommand(UNIX, SET)).toBe('OK');
      if (timeout > 1000) {
        for (const socket of sockets) socket.destroy();
        return;
      }
      const replies = await Promise.all([...silent, half].map((socket) => text(socket)));
      expect(new Set(replies)).toEqual(new Set(['FAIL: the request did not come in time\0']));
      await expect
        .poll(() => new Promise<number>((resolve) => server!.getConnections((_, count) => resolve(count))), { timeout: 5000 })
        .toBe(0);
      notReading.destroy();
    },
    15_000,
  );

  test('has no time limit for a command, only for the client', async () => {
    let finish = (): void => {};
    const slow: FlowHandler = () => new Promise((resolve) => (finish = () => resolve(OK)));
    server = await serveFlows(UNIX, slow, false, undefined, 20);
    const command = sendFlowCommand(UNIX, SET);
    // Much longer than a client's timeout.
    await sleep(200);
    finish();
    expect(await command).toBe('OK');
  });

  test('refuses a wildcard address unless it is allowed', async () => {
    const all: SocketAddress = { kind: 'tcp', host: '0.0.0.0', port: 0 };
    await expect(serveFlows(all, echo)).rejects.toThrow('tcp:0.0.0.0:0: anybody who reaches this machine could change flows');
    server = await serveFlows(all, echo, true);
    expect((server.address() as AddressInfo).address).toBe('0.0.0.0');
  });

  test('that is C nfqlb gets no lines that it would truncate', async () => {
    const long: FlowRequest = {
      ...SET,
      fields: { ...SET.fields, dsts: Array.from({ length: 200 }, (_, i) => `10.0.0.${i}/32`).join(',') },
    };
    const requests: string[] = [];
    const fake = createServer((socket) => {
      socket.once('data', (data) => {
        requests.push(data.toString());
        socket.end(requests.length === 1 ? 'FAIL: action unknown\0' : '');
      });
    });
    await once(fake.listen(0, '127.0.0.1'), 'listening');
    const at: SocketAddress = { kind: 'tcp', host: '127.0.0.1', port: (fake.address() as AddressInfo).port };
    for (let i = 0; i < 2; i++) {
      await expect(sendFlowCommand(at, long)).rejects.toThrow(/^tcp:127.0.0.1:\d+: C nfqlb listens there, .*: dsts is too long for it$/);
    }
    expect(requests.every((request) => request.startsWith('action:change\n'))).toBe(true);
    fake.close();
    server = await serveFlows(UNIX, ({ action, fields }) => Buffer.from(action === 'set' ? fields.dsts! : 'OK\0'));
    expect(await sendFlowCommand(UNIX, long)).toBe(long.fields.dsts);
  });

  describe('that closes the connection without a reply', () => {
    const FLOW = { name: 'web', target: 'nfqlb', protocols: 'tcp', dports: '80' };
    const CHANGE: FlowRequest = { action: 'change', fields: { changes: JSON.stringify({ define: [FLOW], delete: ['old'] }) } };
    const listed = (flow: FlowDefinition): object => listFlow(defineFlow(flow), 5, flow.target);

    /** Does not answer a change, and returns these lists of flows, one per request, the last one repeatedly. */
    async function fake(...lists: readonly (readonly FlowDefinition[])[]): Promise<void> {
      let requests = 0;
      server = createServer((socket) => {
        socket.once('data', (data) => {
          if (!data.toString().startsWith('action:list')) return socket.destroy();
          const flows = lists[Math.min(requests++, lists.length - 1)]!;
          return socket.end(JSON.stringify(flows.map(listed)));
        });
        socket.on('error', () => {});
      });
      await listen(server, UNIX, { danger: 'test' });
    }
    const change = (): Promise<void> => changeFlows(UNIX, CHANGE, { define: [FLOW], delete: ['old'] });

    test.each([
      ['at once', [[FLOW]]],
      ['after a while', [[{ ...FLOW, dports: '81' }], [FLOW, { name: 'old', target: 'nfqlb' }], [FLOW]]],
    ])('is asked for its flows; a change that is in force is no error: %s', async (_when, lists) => {
      await fake(...lists);
      await change();
    });

    test.each([
      ['missing', []],
      ['different', [{ ...FLOW, target: 'other' }]],
      ['there, but so is one that should be deleted', [FLOW, { name: 'old', target: 'nfqlb' }]],
    ])('is asked for its flows; if the flow is %s, the result is unknown', async (_what, flows) => {
      await fake(flows);
      await expect(change()).rejects.toMatchObject({
        code: 'UNKNOWN',
        message: expect.stringContaining('the change may be in force or not'),
      });
    });
  });

  test('that does not exist', async () => {
    await expect(sendFlowCommand(UNIX, SET)).rejects.toThrow(
      `${formatSocketAddress(UNIX)}: nobody listens there in this network namespace; start nfqlb flowlb`,
    );
    await expect(sendFlowCommand({ kind: 'tcp', host: '127.0.0.1', port: 1 }, SET)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    server = await serveFlows(UNIX, echo);
    await expect(serveFlows(UNIX, echo)).rejects.toThrow('another program listens on it (EADDRINUSE)');
    await once(server.close(), 'close');
  });
});
