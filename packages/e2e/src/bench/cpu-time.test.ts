import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { cpuTime, cpuTimeBetween } from './cpu-time.js';

test('CPU time is at least what this process has used, at most what the machine has', () => {
  const before = cpuTime();
  const own = process.cpuUsage();
  const start = performance.now();
  while (performance.now() - start < 300);
  const { user, system } = process.cpuUsage(own);
  const used = cpuTimeBetween(before, cpuTime());
  const seconds = (performance.now() - start) / 1000;
  // /proc/stat tells hundredths of a second.
  expect(used.busy).toBeGreaterThan((user + system) / 1e6 - 0.03);
  expect(used.busy).toBeLessThan(seconds * availableParallelism() + 0.03);
  expect(used.sampled).toBeGreaterThan(0);
});
