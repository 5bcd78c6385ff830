import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { garbageCollections } from './garbage-collections.js';

test('pauses of all threads, among other output', () => {
  const trace = `nfqlb: listening on queue 2
[28914:0x7fe818000f00]       14 ms: Scavenge 3.2 (3.2) -> 2.8 (4.2) MB, 0.74 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; 
[28914:0x55d0]     1408 ms: Mark-sweep 53.5 (81.4) -> 50.6 (82.1) MB, 4.02 / 0.00 ms  (+ 5.2 ms in 38 steps since start of marking) finalize incremental marking via stack guard;
[28914:0x7fe818000f00]       23 ms: Scavenge 3.6 (4.7) -> 3.5 (5.7) MB, 0.69 / 0.00 ms  (average mu = 1.000, current mu = 1.000) task; 
`;
  expect(garbageCollections(trace)).toEqual({ count: 3, total: expect.closeTo(5.45), longest: 4.02 });
  expect(garbageCollections('')).toEqual({ count: 0, total: 0, longest: 0 });
});

test('this version of Node writes them so, for its workers too', () => {
  const allocate = 'const kept = []; for (let i = 0; i < 1e6; i++) kept.push({ i });';
  const script = `new (require('node:worker_threads').Worker)(${JSON.stringify(allocate)}, { eval: true })`;
  const trace = execFileSync(process.execPath, ['--trace-gc', '-e', script], { encoding: 'utf8' });
  const { count, longest } = garbageCollections(trace);
  expect(count).toBe(trace.trim().split('\n').length);
  expect(longest).toBeGreaterThan(0);
});
