import { createServer, type Server } from 'node:net';
import type { Change } from '@nfqlb/configuration/changes';
import { SharedMemory } from '@nfqlb/native';
import { type FlowRequest, OK, parseChanges, serveFlows } from '@nfqlb/protocol/flow';
import { listen as listenAt, type SocketAddress } from '@nfqlb/protocol/sockets';
import { openTable, replaceTable } from '@nfqlb/protocol/tables';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeChanges } from './transaction.js';

const OLD = `nfqlb-test-apply-old-${process.pid}`;
const NEW = `nfqlb-test-apply-new-${process.pid}`;
const ADDRESS: SocketAddress = { kind: 'unix', name: `nfqlb-test-apply-${process.pid}` };
const options = { M: 97, N: 4, ownFwmark: 0, permutation: 'fwmark', drain: 0 } as const;
const targets = [{ fwmark: 3, weight: 1 }];

let server: Server | undefined;
let requests: FlowRequest[];

beforeEach(() => {
  requests = [];
  replaceTable(OLD, { ...options, ownFwmark: 9 }, (table) => table.setSlots([undefined, { fwmark: 1, weight: 2 }, { fwmark: 2 }]));
});
afterEach(() => {
  server?.close();
  server = undefined;
  for (const name of [OLD, NEW]) SharedMemory.unlink(name);
});

async function listen(refusal?: string): Promise<void> {
  server = await serveFlows(ADDRESS, (request) => {
    requests.push(request);
    if (refusal !== undefined) throw Object.assign(new Error(refusal), { code: 'REFUSED' });
    return OK;
  });
}

function contentOf(name: string): unknown {
  const { memory, table } = openTable(name);
  try {
    const { M, N, ownFwmark, permutation, drain, slots } = table;
    return { M, N, ownFwmark, permutation, drain, slots };
  } finally {
    memory.close();
  }
}

const flow = { kind: 'define-flow', flow: { name: 'f', target: NEW, dports: '80' } } as const;
const gone = { kind: 'delete-flow', name: 'g' } as const;
const created: Change = { kind: 'create-table', name: NEW, table: { ...options, targets } };
const replaced: Change = { kind: 'replace-table', name: OLD, table: { ...options, M: 101, targets } };
const retargeted: Change = { kind: 'set-targets', name: OLD, targets, activate: targets, deactivate: [1, 2] };

test('tables first, then all flows in one request', async () => {
  await listen();
  await makeChanges([created, retargeted, flow, gone], ADDRESS);
  expect(contentOf(NEW)).toEqual({ ...options, slots: [targets[0], undefined, undefined, undefined] });
  expect(contentOf(OLD)).toMatchObject({ ownFwmark: 9, slots: [targets[0], undefined, undefined, undefined] });
  expect(requests.map(({ action, fields }) => [action, parseChanges(fields.changes)])).toEqual([
    ['change', { define: [flow.flow], delete: ['g'] }],
  ]);
});

test.each([
  ['changed targets', retargeted],
  ['a replaced table', replaced],
])('when the flows are refused: %s and created tables are rolled back', async (_, change) => {
  await listen('not this one');
  const before = contentOf(OLD);
  await expect(makeChanges([created, change, flow], ADDRESS)).rejects.toThrow(/^not this one; nothing has changed$/);
  expect(requests).toHaveLength(1);
  expect(contentOf(OLD)).toEqual(before);
  expect(SharedMemory.identity(NEW)).toBeUndefined();
});

test('without flows no load balancer is needed; with flows, a missing one is an error', async () => {
  await makeChanges([retargeted], ADDRESS);
  await expect(makeChanges([created, flow], ADDRESS)).rejects.toThrow(/nobody listens there.*; start nfqlb flowlb; nothing has changed$/);
  expect(SharedMemory.identity(NEW)).toBeUndefined();
});

test('when another program has locked a table: earlier changes are undone', async () => {
  const memory = SharedMemory.open(OLD);
  try {
    let failure: unknown;
    memory.locked(0, () => {
      failure = makeChanges([created, retargeted], ADDRESS, 20).catch((error: Error) => error.message);
    });
    expect(await failure).toMatch(/; nothing has changed$/);
    expect(SharedMemory.identity(NEW)).toBeUndefined();
  } finally {
    memory.close();
  }
});

test('tables that no flow uses any more are deleted last', async () => {
  await listen('no');
  await expect(makeChanges([gone, { kind: 'delete-table', name: OLD }], ADDRESS)).rejects.toThrow('nothing has changed');
  expect(SharedMemory.identity(OLD)).toBeDefined();
  server?.close();
  await listen();
  await makeChanges([gone, { kind: 'delete-table', name: OLD }], ADDRESS);
  expect(SharedMemory.identity(OLD)).toBeUndefined();
});

test.each([
  ['no answer', undefined],
  ['an answer that the change is in force, but not used by all workers yet', 'accepted, but not used by all workers after 5 s'],
])('after %s tables are kept, as flows may use them now, and the error says so', async (_what, reason) => {
  server = createServer((socket) => {
    socket.on('error', () => {});
    // Lists are not answered either.
    socket.once('data', () => (reason === undefined ? socket.destroy() : socket.end(`FAIL: ${reason}\0`)));
  });
  await listenAt(server, ADDRESS, { danger: 'test' });
  const failure: Error = await makeChanges([created, retargeted, flow], ADDRESS).then(
    () => expect.fail('it succeeded'),
    (error: Error) => error,
  );
  expect(failure.message).toMatch(/; tables are as declared; apply again$/);
  expect(failure.message).not.toContain('nothing has changed');
  expect(contentOf(NEW)).toMatchObject({ slots: [targets[0], undefined, undefined, undefined] });
  expect(contentOf(OLD)).toMatchObject({ slots: [targets[0], undefined, undefined, undefined] });
});
