import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SharedMemory } from './shared-memory.js';
import { describeLive } from './testing/describe-live.js';
import { TestProgram } from './testing/program.js';
import type { Report } from './testing/resources-program.js';

const NAME = `nfqlb-resources-${process.pid}`;

describeLive('queue, tun device, memory and wake-up', () => {
  let report: Report;
  beforeAll(async () => {
    SharedMemory.create(NAME, 5000, () => {});
    const program = await TestProgram.make('resources-program');
    try {
      // With its own view of /proc/net and its own queue 7.
      const printed = execFileSync('unshare', ['--net', process.execPath, '--expose-gc', program.file, NAME], { encoding: 'utf8' });
      report = JSON.parse(printed);
    } finally {
      program.remove();
    }
  });
  afterAll(() => SharedMemory.unlink(NAME));

  test('exist while they are open', () => {
    const { descriptors } = report.atFirst;
    // A netlink socket, two eventfds (the queue has its own), the device, two files.
    expect(report.open).toEqual({ descriptors: descriptors + 6, mappings: 2, queue: true, tun: true });
  });

  test.each([
    ['they are closed, at once', 'closed'],
    ['they are collected', 'collected'],
    ['their thread is terminated', 'threadTerminated'],
    ['their thread ends', 'threadEnded'],
  ] as const)('are released when %s', (_when, then) => {
    expect(report.atFirst).toMatchObject({ mappings: 0, queue: false, tun: false });
    expect(report[then]).toEqual(report.atFirst);
  });
});
