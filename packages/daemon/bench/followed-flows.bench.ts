// How long a worker's packets wait while it takes up thousands of flows, all of which lead to other tables than before: the longest step of each generation,
// and what all steps take together. In a thread of its own, as the worker is: its heap is small, and so are the pauses for its garbage.

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
/** Code is compiled in the first. */
const WARM_UP = 4;
/** Milliseconds. */
const GOAL = 5;

interface Steps {
  readonly longest: number;
  readonly sum: number;
}

if (isMainThread) await main();
else follow(workerData as { port: MessagePort; board: SharedArrayBuffer });

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
        `${FLOWS} flows to ${count} other tables: longest step ${step.toFixed(2)} ms (worst ${worst}), all ${all} ms   goal: at most ${GOAL} ms   ${step <= GOAL ? 'met' : 'MISSED'}`,
      );
    } finally {
      for (const name of tables) SharedMemory.unlink(name);
    }
  }
}

async function measure(tables: readonly string[], others: readonly string[]): Promise<Steps[]> {
  const compiled = [tables, others].map((names) => {
    const changes = new Map(Array.from({ length: FLOWS }, (_, i) => [`f${i}`, usualFlow(i, names[i % names.length]!)]));
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

function usualFlow(i: number, target: string): Flow {
  return defineFlow({ name: `f${i}`, target, protocols: 'tcp', dsts: `10.${i >> 8}.${i & 255}.1/32`, dports: `${1 + i}` });
}

/** The worker's side. */
function follow({ port, board }: { port: MessagePort; board: SharedArrayBuffer }): void {
  const followed = new WorkerFlows(port, board, 0);
  parentPort!.on('message', () => {
    let [longest, sum] = [0, 0];
    while (followed.outdated) {
      const begin = performance.now();
      followed.proceed();
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
