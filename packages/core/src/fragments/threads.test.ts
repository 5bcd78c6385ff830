import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ThreadResult, ThreadTask } from '../../test-programs/fragment-thread.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { FragmentTable } from './fragment-table.js';
import type { FragmentTableOptions } from './layout.js';
import { nameStatistics, STATISTICS_LENGTH, sumStatistics } from './statistics.js';

const THREADS = 4;
const DATAGRAMS = 20_000;
const PARTS = 4;

let folder: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-threads-'));
  program = join(folder, 'fragment-thread.mjs');
  const source = fileURLToPath(new URL('../../test-programs/fragment-thread.ts', import.meta.url));
  buildSync({ entryPoints: [source], bundle: true, platform: 'node', format: 'esm', outfile: program });
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(task: ThreadTask): Promise<ThreadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData: task });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

test.each([
  ['in many buckets', { size: 997, buckets: 20_000, lead: 0 }],
  ['in one bucket, for which all threads contend', { size: 1, buckets: 20, lead: 0 }],
  ['with clocks a tick (1/16 ms) apart', { size: 997, buckets: 20_000, lead: 1 / 16 }],
  ['with clocks seconds apart', { size: 997, buckets: 20_000, lead: 5000 }],
])('several threads share a table, %s', { timeout: 60_000 }, async (_name, { size, buckets, lead }) => {
  const options: FragmentTableOptions = { size, buckets, fragments: 200, mtu: 100, ttl: 1e6, holes: 40_000 };
  const memory = FragmentTable.createMemory(options, HASH_KEY);
  const statistics = new Uint32Array(STATISTICS_LENGTH / 4);
  const table = new FragmentTable(memory, options, statistics);
  table.resetStatistics(options);
  const progress = new SharedArrayBuffer(4 * THREADS);
  // Meanwhile, collects for statistics, with a clock behind all others: nothing expires.
  table.now = 0;
  const collecting = setInterval(() => table.collect(), 1);
  const results = await Promise.all(
    Array.from({ length: THREADS }, (_, thread) =>
      run({ memory, options, progress, thread, lead: lead * thread, datagrams: DATAGRAMS, parts: PARTS, expires: false }),
    ),
  ).finally(() => clearInterval(collecting));
  const total = (name: Exclude<keyof ThreadResult, 'statistics'>): number => results.reduce((sum, result) => sum + result[name], 0);
  const sum = (): Record<string, number> => {
    table.collect();
    const all = new Uint32Array(STATISTICS_LENGTH / 4);
    sumStatistics([statistics, ...results.map((result) => result.statistics)], all);
    return nameStatistics(all);
  };
  const counts = sum();
  const { active } = counts;
  expect(counts.objGC).toBe(0);

  expect(total('wrong')).toBe(0);
  // Every fragment was handled once, and each stored one once more, unless it was discarded.
  expect(total('right') + total('stored') + total('dropped')).toBe(DATAGRAMS * PARTS + total('again'));
  expect(counts.fragsAllocated).toBe(total('stored'));
  expect(total('again') + counts.fragsDiscarded! + counts.fragsUsed!).toBe(total('stored'));
  // Both orders of arrival occurred.
  for (const name of ['right', 'stored', 'again'] as const) expect(total(name)).toBeGreaterThan(0);
  expect(counts.lookups).toBe(DATAGRAMS * PARTS + total('again'));
  expect(counts.reAssembled).toBeGreaterThan(0);
  expect(counts.inserts! - counts.rejected! - counts.reAssembled!).toBe(active);

  table.now = 2e6;
  expect(sum()).toMatchObject({ active: 0, bucketsUsed: 0, fragsUsed: 0, holesUsed: 0, objGC: active });
});

test.each([
  ['in many buckets', { size: 97, buckets: 200, fragments: 50, holes: 200 }],
  ['in one bucket, for which all threads contend', { size: 1, buckets: 30, fragments: 50, holes: 100 }],
  ['in a table that is full all the time', { size: 7, buckets: 4, fragments: 3, holes: 5 }],
  ['without holes', { size: 7, buckets: 30, fragments: 20, holes: 0 }],
])(
  'fragments are lost, trains expire, and identifications come again, with clocks apart, %s',
  { timeout: 60_000 },
  async (_name, sizes) => {
    // An identification comes again after 500 ms, when all clocks have passed its train's end.
    const options: FragmentTableOptions = { ...sizes, mtu: 100, ttl: 200 };
    const memory = FragmentTable.createMemory(options, HASH_KEY);
    const own = new Uint32Array(STATISTICS_LENGTH / 4);
    const table = new FragmentTable(memory, options, own);
    table.resetStatistics(options);
    const progress = new SharedArrayBuffer(4 * THREADS);
    const results = await Promise.all(
      Array.from({ length: THREADS }, (_, thread) =>
        run({ memory, options, progress, thread, lead: 20 * thread, datagrams: DATAGRAMS, parts: PARTS, expires: true }),
      ),
    );
    const total = (name: Exclude<keyof ThreadResult, 'statistics'>): number => results.reduce((sum, result) => sum + result[name], 0);
    // Nothing is left of the train that had the same identification before.
    expect(total('wrong')).toBe(0);
    const sum = (): Record<string, number> => {
      table.collect();
      const all = new Uint32Array(STATISTICS_LENGTH / 4);
      sumStatistics([own, ...results.map((result) => result.statistics)], all);
      return nameStatistics(all);
    };
    table.now = DATAGRAMS * 10 + 10_000;
    const { active, bucketsUsed, fragsUsed, holesUsed, fragsAllocated, fragsDiscarded, inserts, rejected, reAssembled, objGC } = sum();
    expect({ active, bucketsUsed, fragsUsed, holesUsed }).toEqual({ active: 0, bucketsUsed: 0, fragsUsed: 0, holesUsed: 0 });
    expect(total('again') + fragsDiscarded!).toBe(fragsAllocated);
    expect(fragsAllocated).toBe(total('stored'));
    expect(inserts! - rejected! - reAssembled!).toBe(objGC);
    expect(objGC).toBeGreaterThan(100);
    for (const name of ['right', 'stored', 'again'] as const) expect(total(name)).toBeGreaterThan(100);
  },
);
