import { readFileSync } from 'node:fs';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { defineFlow, type FlowDefinition } from '@nfqlb/core/flows';
import { SharedMemory } from '@nfqlb/native';
import { replaceTable } from '@nfqlb/protocol/tables';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FlowCompiler } from '../flows/flow-compiler.js';
import { flowCountsMemory, GenerationBoard } from '../flows/flow-generations.js';
import { WorkerFlows } from './worker-flows.js';

const made = new Set<string>();
let board: GenerationBoard;
let port: MessagePort;
let followed: WorkerFlows;

beforeEach(() => {
  board = new GenerationBoard(1);
  const channel = new MessageChannel();
  port = channel.port1;
  announce([]);
  followed = new WorkerFlows(channel.port2, board.memory, 0);
});
afterEach(() => {
  announce([]);
  while (followed.outdated) followed.proceed();
  port.close();
  for (const name of made) SharedMemory.unlink(name);
  made.clear();
});

/** Makes a table with one target. */
function table(name: string, fwmark: number): string {
  const shm = `nfqlb-test-followed-${process.pid}-${name}`;
  replaceTable(shm, { M: 97, N: 4 }, (made) => made.activate([{ fwmark }]));
  made.add(shm);
  return shm;
}

function announce(flows: readonly FlowDefinition[]): void {
  const changes = new Map(flows.map((flow) => [flow.name, defineFlow(flow)]));
  const { flows: compiled } = new FlowCompiler().compile({ changes, fromScratch: true, promiscuousPing: false, memory: undefined });
  const number = board.newest + 1;
  port.postMessage({ number, flows: compiled, counts: flowCountsMemory(1, flows.length), count: flows.length });
  board.newest = number;
}

/** Steps that it takes. */
function settle(): number {
  let steps = 0;
  for (; followed.outdated; steps++) followed.proceed();
  return steps;
}

/** The fwmarks that flows lead to, by name; `undefined` for one without a target. */
function fwmarks(): Record<string, number | undefined> {
  const { lookup, tables } = followed.targets;
  return Object.fromEntries(
    Array.from({ length: lookup.count }, (_, flow) => [lookup.nameOf(flow), tables[lookup.targetOf(flow)]?.choose(1)]),
  );
}

/** How often a table is mapped in this process. */
function mappings(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`/dev/shm/${name}`)).length;
}

test('a table is mapped with the first flow that leads to it, once for all of them, and released with the last', () => {
  const [web, dns] = [table('web', 101), table('dns', 201)];
  announce([{ name: 'a', target: web }]);
  expect(mappings(web)).toBe(0);
  settle();
  announce([
    { name: 'a', target: web },
    { name: 'b', target: web },
    { name: 'c', target: dns },
  ]);
  settle();
  expect(fwmarks()).toEqual({ a: 101, b: 101, c: 201 });
  expect([mappings(web), mappings(dns)]).toEqual([1, 1]);
  announce([{ name: 'b', target: web }]);
  settle();
  expect([mappings(web), mappings(dns)]).toEqual([1, 0]);
  announce([]);
  settle();
  expect([mappings(web), mappings(dns)]).toEqual([0, 0]);
});

test('a table that is deleted serves its flows on, until there is another or no flow leads to it', () => {
  const [web, dns] = [table('web', 101), table('dns', 201)];
  announce([
    { name: 'a', target: web },
    { name: 'b', target: dns },
  ]);
  settle();
  SharedMemory.unlink(web);
  expect(fwmarks()).toEqual({ a: 101, b: 201 });
  followed.suspectTables();
  settle();
  expect(fwmarks()).toEqual({ a: 101, b: 201 });
  // With other flows it stays as well.
  announce([
    { name: 'a', target: web },
    { name: 'c', target: dns },
  ]);
  settle();
  expect(fwmarks()).toEqual({ a: 101, c: 201 });
  table('web', 102);
  followed.suspectTables();
  settle();
  expect(fwmarks()).toEqual({ a: 102, c: 201 });
  SharedMemory.unlink(web);
  followed.suspectTables();
  announce([{ name: 'c', target: dns }]);
  settle();
  expect(mappings(web)).toBe(0);
});

test('a table that is re-created is taken up, also while flows are', () => {
  const names = Array.from({ length: 300 }, (_, i) => table(`t${i}`, 100));
  announce(names.map((target, i) => ({ name: `f${i}`, target })));
  followed.proceed();
  expect(followed.hasPendingWork).toBe(true);
  for (let i = 0; i < 300; i += 7) table(`t${i}`, 500);
  followed.suspectTables();
  settle();
  const marks = fwmarks();
  for (let i = 0; i < 300; i++) expect(marks[`f${i}`]).toBe(i % 7 === 0 ? 500 : 100);
});

test('many tables are taken up in many steps, in whose time the flows before are in use; and given back so', () => {
  const before = table('before', 7);
  announce([{ name: 'before', target: before }]);
  settle();
  const names = Array.from({ length: 400 }, (_, i) => table(`t${i}`, 100 + i));
  announce(names.map((target, i) => ({ name: `f${i}`, target })));
  let steps = 0;
  while (followed.generation === board.newest - 1) {
    expect(fwmarks()).toEqual({ before: 7 });
    followed.proceed();
    steps++;
  }
  expect(steps).toBeGreaterThan(5);
  expect(Object.values(fwmarks())).toEqual(expect.arrayContaining(names.map((_, i) => 100 + i)));
  // The newest of several, and none half-way.
  announce([{ name: 'x', target: before }]);
  announce([{ name: 'y', target: before }]);
  settle();
  expect(fwmarks()).toEqual({ y: 7 });
  expect(mappings(names[0]!)).toBe(0);
});
