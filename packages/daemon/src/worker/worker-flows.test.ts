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
let workerFlows: WorkerFlows;

beforeEach(() => {
  board = new GenerationBoard(1);
  const channel = new MessageChannel();
  port = channel.port1;
  announce([]);
  workerFlows = new WorkerFlows(channel.port2, board.memory, 0);
});
afterEach(() => {
  announce([]);
  while (workerFlows.outdated) workerFlows.proceed();
  port.close();
  for (const name of made) SharedMemory.unlink(name);
  made.clear();
});

/** Creates a table with one target. */
function table(name: string, fwmark: number): string {
  const shm = `nfqlb-test-worker-flows-${process.pid}-${name}`;
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

/** Does all pending work; returns the number of steps. */
function settle(): number {
  let steps = 0;
  for (; workerFlows.outdated; steps++) workerFlows.proceed();
  return steps;
}

/** The fwmarks chosen for flows, by flow name; `undefined` for a flow without a target. */
function fwmarks(): Record<string, number | undefined> {
  const { lookup, tables } = workerFlows.targets;
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

test('a table is mapped once, with the first flow that uses it, and unmapped with the last', () => {
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

test('a deleted table stays in use until it is replaced or no flow uses it', () => {
  const [web, dns] = [table('web', 101), table('dns', 201)];
  announce([
    { name: 'a', target: web },
    { name: 'b', target: dns },
  ]);
  settle();
  SharedMemory.unlink(web);
  expect(fwmarks()).toEqual({ a: 101, b: 201 });
  workerFlows.suspectTables();
  settle();
  expect(fwmarks()).toEqual({ a: 101, b: 201 });
  // It also stays in use with a new generation of flows.
  announce([
    { name: 'a', target: web },
    { name: 'c', target: dns },
  ]);
  settle();
  expect(fwmarks()).toEqual({ a: 101, c: 201 });
  table('web', 102);
  workerFlows.suspectTables();
  settle();
  expect(fwmarks()).toEqual({ a: 102, c: 201 });
  SharedMemory.unlink(web);
  workerFlows.suspectTables();
  announce([{ name: 'c', target: dns }]);
  settle();
  expect(mappings(web)).toBe(0);
});

test('a replaced table is picked up, even while switching to new flows', () => {
  const names = Array.from({ length: 300 }, (_, i) => table(`t${i}`, 100));
  announce(names.map((target, i) => ({ name: `f${i}`, target })));
  workerFlows.proceed();
  expect(workerFlows.hasPendingWork).toBe(true);
  for (let i = 0; i < 300; i += 7) table(`t${i}`, 500);
  workerFlows.suspectTables();
  settle();
  const marks = fwmarks();
  for (let i = 0; i < 300; i++) expect(marks[`f${i}`]).toBe(i % 7 === 0 ? 500 : 100);
});

test('many tables are mapped and unmapped in many steps, and the old flows stay in use meanwhile', () => {
  const before = table('before', 7);
  announce([{ name: 'before', target: before }]);
  settle();
  const names = Array.from({ length: 400 }, (_, i) => table(`t${i}`, 100 + i));
  announce(names.map((target, i) => ({ name: `f${i}`, target })));
  let steps = 0;
  while (workerFlows.generation === board.newest - 1) {
    expect(fwmarks()).toEqual({ before: 7 });
    workerFlows.proceed();
    steps++;
  }
  expect(steps).toBeGreaterThan(5);
  expect(Object.values(fwmarks())).toEqual(expect.arrayContaining(names.map((_, i) => 100 + i)));
  // Of several generations, only the newest is used.
  announce([{ name: 'x', target: before }]);
  announce([{ name: 'y', target: before }]);
  settle();
  expect(fwmarks()).toEqual({ y: 7 });
  expect(mappings(names[0]!)).toBe(0);
});
