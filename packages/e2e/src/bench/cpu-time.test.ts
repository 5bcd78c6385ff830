import { expect, test } from 'vitest';
import { cpuTime, cpuTimeBetween, cpuTimeOf } from './cpu-time.js';

/** Format of /proc/stat, hundredths of a second: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. */
const stat = (times: string): string => `cpu  ${times}\ncpu0 1 2 3\ncpu1 1 2 3\nintr 12345\nctxt 67\n`;

test('CPU time between two readings', () => {
  const before = cpuTimeOf(stat('100 10 50 1000 20 5 5 10 0 0'), 5000);
  // A second later: 1.2 s of the two CPUs' time were idle, I/O wait or stolen by the host.
  const after = cpuTimeOf(stat('140 12 80 1100 30 6 7 20 0 0'), 6000);
  const { busy, sampled } = cpuTimeBetween(before, after);
  expect(busy).toBeCloseTo(2 - 1.2);
  expect(sampled).toBeCloseTo(0.4 + 0.02 + 0.3 + 0.01 + 0.02);
});

test('the CPU time of this machine increases', () => {
  const before = cpuTime();
  expect(cpuTimeBetween(before, cpuTime()).sampled).toBeGreaterThanOrEqual(0);
});
