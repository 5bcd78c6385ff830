import { expect, test } from 'vitest';
import { residentMemory, residentMemoryOf } from './resident-memory.js';

test('resident memory is read in octets', () => {
  expect(residentMemory('Name:\tnode\nVmHWM:\t  70000 kB\nVmRSS:\t   66612 kB\nRssAnon:\t 30000 kB\n')).toBe(66_612 * 1024);
  expect(Math.abs(residentMemoryOf(process.pid) - process.memoryUsage.rss())).toBeLessThan(32 << 20);
});
