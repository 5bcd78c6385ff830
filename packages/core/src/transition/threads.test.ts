import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TransitionResult, TransitionTask } from '../../test-programs/transition-thread.js';
import { TargetTable } from '../maglev/target-table.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { randomNumbers } from '../testing/random-numbers.js';
import { ConnectionSet } from './connection-set.js';
import { HASH, HEADER, KEYED, PLACE_WORDS, setsFor, TAKEN, tablesFrom, USE } from './layout.js';

const THREADS = 4;
const CHANGES = 300;
const SIZE = { M: 997, N: 32 };

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-transitions-'));
  program = join(folder, 'transition-thread.mjs');
  const source = fileURLToPath(new URL('../../test-programs/transition-thread.ts', import.meta.url));
  buildSync({ entryPoints: [source], bundle: true, platform: 'node', format: 'esm', outfile: program });
});
afterAll(() => rmSync(folder, { recursive: true }));

const clock = (): number => performance.timeOrigin + performance.now();

test.each([
  ['', { connections: 20_000, floods: false }],
  [' during a SYN flood that fills the memory for connections', { connections: 2_000, floods: true }],
])(
  'no connection of several threads changes its target while another thread changes targets%s',
  { timeout: 60_000 },
  async (_name, task) => {
    const memory = new SharedArrayBuffer(TargetTable.byteLength(SIZE));
    const table = TargetTable.create(memory, SIZE);
    const all = Array.from({ length: 20 }, (_, i) => ({ fwmark: 101 + i }));
    table.setTargets(all.slice(0, 3));
    const options = { connections: task.connections };
    const connections = ConnectionSet.createMemory(options, HASH_KEY);
    const stop = new SharedArrayBuffer(4);
    const running = Array.from(
      { length: THREADS },
      (_, thread) =>
        new Promise<TransitionResult>((resolve, reject) => {
          const workerData: TransitionTask = { table: memory, connections, options, stop, thread, count: 300, floods: task.floods };
          const worker = new Worker(program, { workerData });
          worker.on('message', resolve);
          worker.on('error', reject);
        }),
    );
    const random = randomNumbers(1);
    // Let the threads begin their first connections.
    await sleep(500);
    for (let i = 0; i < CHANGES; i++) {
      const drain = { now: clock(), seconds: 3600 };
      table.setTargets(
        all.filter(() => random() % 3 === 0),
        drain,
      );
      await sleep(random() % 10);
    }
    Atomics.store(new Int32Array(stop), 0, 1);
    const results = await Promise.all(running);
    const total = (name: keyof TransitionResult): number => results.reduce((sum, result) => sum + result[name], 0);
    expect(total('moved')).toBe(0);
    expect(total('packets')).toBeGreaterThan(THREADS * 300 * 50);
    expect(total('known')).toBeGreaterThan(1000);
    expect(total('begun')).toBeGreaterThan(THREADS * 300);
    const set = new ConnectionSet(connections, options);
    if (task.floods) expect(set.counts.refused).toBeGreaterThan(0);

    const words = new Int32Array(connections);
    const seen = new Set<string>();
    let taken = 0;
    const end = tablesFrom(setsFor(task.connections));
    for (let place = HEADER; place < end; place += PLACE_WORDS) {
      if (words[place + USE] === 0) continue;
      taken++;
      seen.add(`${words[place + KEYED]} ${words[place + HASH]}`);
    }
    expect(words[TAKEN]).toBe(taken);
    expect(seen.size).toBe(taken);
  },
);
