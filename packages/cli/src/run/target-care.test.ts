// Checks over TCP against servers on this machine, and a table in shared memory.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type DeclaredTable, parseConfiguration } from '@nfqlb/configuration';
import { createTableIfAbsent, readTable, TableLock, withTableLock } from '@nfqlb/protocol/tables';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TargetCare } from './target-care.js';

const NAME = `nfqlb-care-${process.pid}`;
let servers: Server[] = [];
let care: TargetCare;
let madeUp = 0;

async function listen(port = 0): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Two targets, of which the first is checked. Their addresses are refused in a file: no other machine has them. */
function tables(port: number): ReadonlyMap<string, DeclaredTable> {
  const health = { type: 'tcp', port, interval: 1, timeout: 1, fall: 1, rise: 1, panic: 1, damping: { downs: 0 } };
  const targets = [
    { fwmark: 1, address: '192.0.2.1' },
    { fwmark: 2, address: '192.0.2.2', weight: 2, health: { type: 'none' } },
  ];
  const table = parseConfiguration(JSON.stringify({ tables: { [NAME]: { health, targets } } }), 'f').tables!.get(NAME)!;
  return new Map([[NAME, { ...table, members: table.members!.map((one) => ({ ...one, addresses: [`127.0.0.${one.fwmark}`] })) }]]);
}

const active = (): unknown => readTable(NAME, ({ slots }) => slots.filter((slot) => slot !== undefined));
const BOTH = [
  { fwmark: 1, weight: 1 },
  { fwmark: 2, weight: 2 },
];

beforeEach(() => {
  madeUp = 0;
  care = new TargetCare({ lockTimeout: 10, makeUp: () => madeUp++ });
});
afterEach(async () => {
  await care.close();
  for (const server of servers) server.close();
  servers = [];
  withTableLock(NAME, (lock) => lock.delete());
});

test('a target that refuses connections is taken out of its table, and comes back with its weight', async () => {
  const server = await listen();
  const declared = tables(portOf(server));
  createTableIfAbsent(NAME, declared.get(NAME)!, (table) => table.setTargets(declared.get(NAME)!.targets));
  await care.watch(declared);
  expect([...care.used(NAME)!]).toEqual([1, 2]);
  const port = portOf(server);
  server.close();
  await expect.poll(active, { timeout: 10_000 }).toEqual([BOTH[1]]);
  expect(care.status()[0]!.targets[0]).toMatchObject({ state: 'down', reason: '127.0.0.1: connection refused' });
  await listen(port);
  await expect.poll(active, { timeout: 10_000 }).toEqual(BOTH);
});

test('connections of other targets keep them when one is taken out, and only theirs', async () => {
  const server = await listen();
  const checked = tables(portOf(server)).get(NAME)!;
  const others = [2, 3, 4, 5].map((fwmark) => ({ ...checked.targets[1]!, fwmark, weight: 1 }));
  const declared = new Map([[NAME, { ...checked, drain: 60, targets: [checked.targets[0]!, ...others] }]]);
  createTableIfAbsent(NAME, declared.get(NAME)!, (table) => table.setTargets(declared.get(NAME)!.targets));
  const targets = (): number[] => readTable(NAME, (table) => Array.from(table.lookup, (slot) => table.active[slot]!));
  const before = targets();
  await care.watch(declared);
  server.close();
  await expect.poll(targets, { timeout: 10_000 }).not.toContain(1);
  const after = targets();
  const former = readTable(NAME, (table) => [...table.formerTargets!.former]);
  const moved = before.map((fwmark, bucket) => (fwmark === 1 || fwmark === after[bucket] ? -1 : fwmark));
  expect(moved.filter((fwmark) => fwmark >= 0).length).toBeGreaterThan(0);
  expect(former).toEqual(moved);
});

test('a table that is locked is to be changed later', async () => {
  const server = await listen();
  const declared = tables(portOf(server));
  createTableIfAbsent(NAME, declared.get(NAME)!, (table) => table.setTargets(declared.get(NAME)!.targets));
  await care.watch(declared);
  const lock = new TableLock(NAME);
  server.close();
  await expect.poll(() => madeUp, { timeout: 10_000 }).toBe(1);
  expect([...care.used(NAME)!]).toEqual([2]);
  lock.release();
  expect(active()).toEqual(BOTH);
});
