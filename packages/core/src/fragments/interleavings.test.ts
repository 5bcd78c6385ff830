// A model check of the fragment table: two threads in a table that is full at once, in many orders of their atomic operations, each the same whenever it is
// repeated. What must hold in each: a train has one target; nothing that was stored is lost or sent twice; all is free in the end.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ScheduledEvent, ScheduledRound, ScheduledTask } from '../../test-programs/scheduled-thread.js';
import { Turn } from '../../test-programs/turn.js';
import { STORED } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import { fragments } from '../testing/fragments.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { randomNumbers } from '../testing/random-numbers.js';
import { runs } from '../testing/runs.js';
import { FragmentTable } from './fragment-table.js';
import { nameStatistics, STATISTICS_LENGTH, sumStatistics } from './statistics.js';

const THREADS = 2;
const ROUNDS = runs(150);
const EVENTS = 6;
const DATAGRAMS = 3;
const TTL = 100;
const SEED = 22;

let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-interleavings-'));
  program = join(folder, 'scheduled-thread.mjs');
  const source = fileURLToPath(new URL('../../test-programs/scheduled-thread.ts', import.meta.url));
  buildSync({ entryPoints: [source], bundle: true, platform: 'node', format: 'esm', outfile: program });
});
afterAll(() => rmSync(folder, { recursive: true }));

const trains = Array.from({ length: DATAGRAMS }, (_, i) =>
  fragments(packet().ipv4('10.0.0.2', '10.0.0.1').udp(1, 2).payload(64).build(), 52, i + 1),
);

interface Chosen extends ScheduledEvent {
  readonly datagram: number;
}

/** A thread that takes so long from one operation to the next, in milliseconds, or so many operations for a round, does not end. */
const ENDLESS_MS = 20_000;
const ENDLESS_STEPS = 20_000;

/** Waits until all threads wait for their turn, or have done a round; lets one of those that wait go on; until all have done it. */
function interleave(turns: Int32Array, choose: (among: number) => number): void {
  for (let thread = 0; thread < THREADS; thread++) go(turns, thread);
  for (let steps = 0; ; steps++) {
    if (steps > ENDLESS_STEPS) throw new Error('the threads wait for each other');
    const waiting: number[] = [];
    for (let thread = 0; thread < THREADS; thread++) {
      if (Atomics.wait(turns, thread, Turn.Runs, ENDLESS_MS) === 'timed-out') throw new Error(`thread ${thread} does not end`);
      if (Atomics.load(turns, thread) === Turn.Waits) waiting.push(thread);
    }
    if (waiting.length === 0) return;
    go(turns, waiting[choose(waiting.length)]!);
  }
}

function go(turns: Int32Array, thread: number): void {
  Atomics.store(turns, thread, Turn.Runs);
  Atomics.notify(turns, thread);
}

test.each([
  ['with holes', 4],
  ['without holes', 0],
])('%s', { timeout: 120_000 }, async (_name, holes) => {
  const options = { size: 1, buckets: 1, fragments: 2, mtu: 100, ttl: TTL, holes };
  const random = randomNumbers(SEED);
  const memories = Array.from({ length: ROUNDS }, () => FragmentTable.createMemory(options, HASH_KEY));
  const chosen = Array.from({ length: THREADS }, (_, thread) =>
    memories.map(() => {
      let now = 0;
      return Array.from({ length: EVENTS }, (): Chosen => {
        const datagram = random() % DATAGRAMS;
        // The first fragment of a datagram comes to one thread only.
        const part = datagram % THREADS === thread ? random() % 3 : 1 + (random() % 2);
        now += [0, 0, 0, 60, 101][random() % 5]!;
        return { octets: trains[datagram]![part]!, now, datagram, ...(part === 0 && { fwmark: 101 + datagram }) };
      });
    }),
  );
  const turns = new Int32Array(new SharedArrayBuffer(4 * THREADS));
  const workers = chosen.map((events, thread) => {
    const workerData: ScheduledTask = { thread, options, memories, events, turns };
    return new Worker(program, { workerData });
  });
  onTestFinished(async () => void (await Promise.all(workers.map((worker) => worker.terminate()))));
  const results = workers.map(
    (worker) => new Promise<ScheduledRound[]>((resolve, reject) => worker.on('message', resolve).on('error', reject)),
  );
  // Threads start only while this one does not block.
  while (turns.some((turn) => turn === Turn.Runs)) await new Promise((resolve) => setTimeout(resolve, 5));
  let steps = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // Often several steps of one thread in a row: a change of thread at each step is only one of many orders.
    let last = 0;
    interleave(turns, (among) => {
      steps++;
      if (random() % 3 === 0 || last >= among) last = random() % among;
      return last;
    });
  }
  for (let thread = 0; thread < THREADS; thread++) go(turns, thread);
  const rounds = await Promise.all(results);
  const seen = { wrong: 0, stored: 0, sent: 0, refused: 0 };
  memories.forEach((memory, round) => {
    const own = new Uint32Array(STATISTICS_LENGTH / 4);
    const table = new FragmentTable(memory, options, own);
    table.resetStatistics(options);
    const sum = (): Record<string, number> => {
      table.collect();
      const all = new Uint32Array(STATISTICS_LENGTH / 4);
      sumStatistics([own, ...rounds.map((results) => results[round]!.statistics)], all);
      return nameStatistics(all);
    };
    let stored = 0;
    let sent = 0;
    rounds.forEach((results, thread) => {
      sent += results[round]!.sent;
      results[round]!.answers.forEach((answer, i) => {
        if (answer >= 0 && answer !== 101 + chosen[thread]![round]![i]!.datagram) seen.wrong++;
        if (answer === STORED) stored++;
        else if (answer < 0) seen.refused++;
      });
    });
    table.now = 1e6;
    const { fragsDiscarded, fragsUsed, holesUsed, active, bucketsUsed } = sum();
    expect([round, sent + fragsDiscarded!, fragsUsed, holesUsed, active, bucketsUsed]).toEqual([round, stored, 0, 0, 0, 0]);
    seen.stored += stored;
    seen.sent += sent;
  });
  expect(seen.wrong).toBe(0);
  for (const name of ['stored', 'sent', 'refused'] as const) expect(seen[name]).toBeGreaterThan(ROUNDS / 10);
  expect(steps).toBeGreaterThan(ROUNDS * EVENTS * THREADS);
});
