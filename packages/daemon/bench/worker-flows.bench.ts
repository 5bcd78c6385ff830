// How long packets wait while a worker switches to thousands of flows, all of them with different tables than before: the longest step of each
// generation, and the sum of all steps. Runs in its own thread, like a worker: the heap is small, and so are garbage collection pauses.

import { once } from 'node:events';
import { isMainThread, MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { defineFlow, type Flow } from '@nfqlb/core/flows';
import { SharedMemory } from '@nfqlb/native';
import { replaceTable } from '@nfqlb/protocol/tables';
import { FlowCompiler } from '../src/flows/flow-compiler.js';
import { flowCountsMemory, GenerationBoard } from '../src/flows/flow-generations.js';
import { WorkerFlows } from '../src/worker/worker-flows.js';

const FLOWS = 10_000;
const GENERATIONS = 24;
/** Generations that are not measured, while the JIT compiler warms up. */
const WARM_UP = 4;
const GOAL_MS = 5;

interface Steps {
  readonly longest: number;
  readonly sum: number;
}

if (isMainThread) await main();
else runWorker(workerData as { port: MessagePort; board: SharedArrayBuffer });

async function main(): Promise<void> {
  for (const count of [1, 200, 2000]) {
    const tables = Array.from({ length: 2 * count }, (_, i) => `nfqlb-bench-${process.pid}-${i}`);
    for (const name of tables) replaceTable(name, { M: 997, N: 32 }, (table) => table.activate([{ fwmark: 7 }]));
    try {
      const steps = await measure(tables.slice(0, count), tables.slice(count));
      const step = median(steps.map(({ longest }) => longest));
      const worst = Math.max(...steps.map(({ longest }) => longest)).toFixed(1);
      const all = median(steps.map(({ sum }) => sum)).toFixed(1);
      console.log(
        `${FLOWS} flows to ${count} other tables: longest step ${step.toFixed(2)} ms (worst ${worst}), all ${all} ms   goal: at most ${GOAL_MS} ms   ${step <= GOAL_MS ? 'met' : 'MISSED'}`,
      );
    } finally {
      for (const name of tables) SharedMemory.unlink(name);
    }
  }
}

async function measure(tables: readonly string[], otherTables: readonly string[]): Promise<Steps[]> {
  const compiled = [tables, otherTables].map((names) => {
    const changes = new Map(Array.from({ length: FLOWS }, (_, i) => [`f${i}`, typicalFlow(i, names[i % names.length]!)]));
    return new FlowCompiler().compile({ changes, fromScratch: true, promiscuousPing: false, memory: undefined }).flows;
  });
  const { port1, port2 } = new MessageChannel();
  const board = new GenerationBoard(1);
  const announce = (number: number): void => {
    port1.postMessage({ number, flows: compiled[number % 2], counts: flowCountsMemory(1, FLOWS), count: FLOWS });
    board.newest = number;
  };
  announce(1);
  const worker = new Worker(new URL(import.meta.url), { workerData: { port: port2, board: board.memory }, transferList: [port2] });
  const steps: Steps[] = [];
  for (let number = 2; number <= GENERATIONS; number++) {
    announce(number);
    worker.postMessage('go');
    const [taken] = (await once(worker, 'message')) as [Steps];
    if (number > WARM_UP) steps.push(taken);
  }
  port1.close();
  await worker.terminate();
  return steps;
}

function typicalFlow(i: number, target: string): Flow {
  return defineFlow({ name: `f${i}`, target, protocols: 'tcp', dsts: `10.${i >> 8}.${i & 255}.1/32`, dports: `${1 + i}` });
}

/** Runs in the worker thread. */
function runWorker({ port, board }: { port: MessagePort; board: SharedArrayBuffer }): void {
  const workerFlows = new WorkerFlows(port, board, 0);
  parentPort!.on('message', () => {
    let [longest, sum] = [0, 0];
    while (workerFlows.outdated) {
      const begin = performance.now();
      workerFlows.proceed();
      const time = performance.now() - begin;
      longest = Math.max(longest, time);
      sum += time;
    }
    parentPort!.postMessage({ longest, sum });
  });
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1]!;
}
