import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Figures } from '../figures.js';
import type { GrowthRun } from '../growth-run.js';
import type { LiveRun } from '../live-run.js';
import type { Machine } from '../machine.js';
import { bend } from './growth-section.js';
import { conflict, performancePage, type Result } from './page.js';
import { IMAGES, PAGE, PUBLISHED } from './places.js';

const MACHINE: Machine = {
  cpu: 'AMD EPYC',
  cpus: 2,
  kernel: '6.1.0',
  node: 'v20.20.2',
  caches: [
    ['L1d', 32_768],
    ['L2', 1_048_576],
  ],
};

/** The figures of a round. */
function figures(rate: number, each: number, lostShare = 0, collections?: Figures['process']): Figures {
  const times = { p50: 10, p90: 20, p99: 30, p999: 40, longest: 50 };
  return {
    rate,
    offered: 2 * rate,
    costs: [{ rate: 60_000, burst: 1, each, eachSampled: each - 1, lostShare }],
    latency: { rate: 60_000, times, lostShare },
    loss: { rate: 0.6 * rate, share: 0.00004 },
    ...(collections && { process: collections, drops: { atSaturation: 1000, otherwise: 3 } }),
  };
}

const PROCESS: Figures['process'] = { resident: 64 << 20, collections: { count: 2, total: 3, longest: 2.5 } };
const C_PROCESS: Figures['process'] = { resident: 2 << 20 };

function liveRun(scenario: string, contenders: Readonly<Record<string, readonly Figures[]>>, machine: Machine = MACHINE): LiveRun {
  return {
    kind: 'live',
    date: '2026-11-29',
    machine: { ...machine, cFlags: '-O2' },
    busy: 0.01,
    rounds: 2,
    conditions: { seconds: 1, costRate: 60_000, bursts: [1], latencyRate: 60_000, connectionRate: 2000 },
    results: [{ scenario, family: 4, contenders }],
  };
}

// The machine's speed halves in the second round.
const RUN = liveRun('flows-2000', {
  forward: [figures(400_000, 6), figures(200_000, 12)],
  c: [figures(50_000, 40, 0.2, C_PROCESS), figures(25_000, 80, 0.3, C_PROCESS)],
  nfqlb: [figures(300_000, 12, 0, PROCESS), figures(100_000, 20, 0, PROCESS)],
});

describe('the page', () => {
  test('has a table with ratios and differences of the same round, and a dash where an overload was measured', () => {
    const { text } = performancePage([RUN]);
    const table = text
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.replaceAll(/ +/g, ' '));
    expect(table).toEqual([
      '| | thousand packets/s | × forwarding | × C | CPU µs per packet above forwarding | p50 µs | p99 µs | p99.9 µs | lost at 60% load, % | queue drops | memory, MiB | GC pauses | longest pause, ms |',
      '| ------- | -----------------: | -----------: | ---------------: | ---------------------------------: | -----: | -----: | -------: | ------------------: | ----------: | ----------: | --------: | ----------------: |',
      '| forward | 300 (200–400) | 1.00 | 8.00 | 0.0 | 10 | 30 | 40 | 0.004 | – | – | – | – |',
      '| c | 38 (25–50) | 0.13 | 1.00 | – | – | – | – | 0.004 | 3 | 2 | – | – |',
      '| nfqlb | 200 (100–300) | 0.63 | 5.00 (4.00–6.00) | 7.0 (6.0–8.0) | 10 | 30 | 40 | 0.004 | 3 | 64 | 2 | 2.5 |',
    ]);
    expect(text).toContain('`nfqlb`: 5.00 times C nfqlb, 0.63 times forwarding. The goal is 4 times C nfqlb or more: met.');
    expect(text).toContain('on 2 CPUs (AMD EPYC), kernel 6.1.0, Node.js 20.20.2');
    expect(text).toContain('compiled with -O2');
    expect(text).toContain('Other programs kept 0.01 CPUs busy when it began');
  });

  test('takes the median of the runs, and says so', () => {
    const more = liveRun('flows-2000', {
      forward: [figures(400_000, 6)],
      c: [figures(100_000, 8)],
      nfqlb: [figures(100_000, 9, 0, PROCESS)],
    });
    const { text } = performancePage([RUN, { ...more, busy: 0.2 }]);
    expect(text).toContain(
      'in 2 runs, on 2 CPUs (AMD EPYC), kernel 6.1.0, Node.js 20.20.2. Other programs kept 0.01 to 0.20 CPUs busy when they began',
    );
    // Of 5 and 1.
    expect(text).toContain('`nfqlb`: 3.00 times C nfqlb, 0.44 times forwarding. The goal is 4 times C nfqlb or more: missed.');
    expect(text).toContain('3 rounds in 2 runs');
    expect(text).toMatch(/\| nfqlb +\| +150 \(100–300\) \|/);
  });

  test('a goal that the sender is too slow for is called missed, with the reason', () => {
    const run = liveRun('flows-2000', {
      forward: [figures(180_000, 6)],
      c: [figures(60_000, 8)],
      nfqlb: [figures(171_000, 9, 0, PROCESS)],
    });
    expect(performancePage([run]).text).toContain(
      'The goal is 4 times C nfqlb or more: missed, but nearly all that the kernel forwards without a load balancer arrives: more cannot be sent here.',
    );
  });

  test('has a picture for each scenario, which is readable on light and dark', () => {
    const { text, images } = performancePage([RUN]);
    const svg = images.get('performance-flows-2000-ipv4.svg')!;
    expect(text).toContain('(images/performance-flows-2000-ipv4.svg)');
    expect([...svg.matchAll(/<rect /g)]).toHaveLength(3);
    expect(svg).toContain('>200 (100–300)<');
    // Nothing is drawn in black or white.
    expect(svg).not.toMatch(/#000|#fff|black|white|currentColor/);
  });

  test('says what a section of growth shows', () => {
    const growth: GrowthRun = {
      kind: 'growth',
      date: '2026-11-29',
      machine: MACHINE,
      rounds: 3,
      axes: [
        {
          name: 'flows',
          points: [
            { at: 1, nanoseconds: [50, 60, 55], octets: 1000 },
            { at: 100_000, nanoseconds: [110, 100, 150], octets: 12 << 20 },
          ],
        },
      ],
    };
    const { text, images } = performancePage([growth]);
    expect(text).toContain(
      'From 1 to 100,000 flows a packet takes 2.00 times as long, most from 1 to 100,000 (2.00 times): the memory that is searched there (12.0 MiB) is more than the L2 cache holds (1.0 MiB), so that packets wait for what is further away.',
    );
    expect(text).toMatch(/\| 100,000 \| +110 \| +100–150 \| +12\.0 MiB \|/);
    expect(images.get('performance-growth-flows.svg')).toContain('fill-opacity');
  });

  test('no growth is called so', () => {
    const spread = (median: number): { median: number; least: number; most: number } => ({ median, least: median, most: median });
    const points = [1, 10].map((at) => ({ at, spread: spread(50 + at / 10), octets: 0 }));
    expect(bend(points, 'targets', MACHINE)).toBe('From 1 to 10 targets it does not grow beyond noise (1.02 times).');
  });

  test('no cache is blamed where no more memory is searched', () => {
    const spread = (median: number): { median: number; least: number; most: number } => ({ median, least: median, most: median });
    const points = [1, 4].map((at) => ({ at, spread: spread(50 * at), octets: 262_148 }));
    expect(bend(points, 'threads', MACHINE)).toBe('From 1 to 4 threads a packet takes 4.00 times as long, most from 1 to 4 (4.00 times).');
  });
});

test('results of different machines or conditions are not mixed', () => {
  expect(conflict([RUN, RUN])).toBeUndefined();
  expect(conflict([RUN, { ...RUN, machine: { ...MACHINE, kernel: '6.2.0' } }])).toBe(
    'of different machines: 2 CPUs (AMD EPYC), kernel 6.1.0, Node.js 20.20.2; 2 CPUs (AMD EPYC), kernel 6.2.0, Node.js 20.20.2',
  );
  expect(conflict([RUN, { ...RUN, conditions: { ...RUN.conditions, seconds: 2 } }])).toContain('different conditions');
});

test('the published page and its pictures are those of the published figures', () => {
  const { text, images } = performancePage(JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Result[]);
  expect(readFileSync(PAGE, 'utf8')).toBe(text);
  for (const [name, svg] of images) {
    expect(existsSync(join(IMAGES, name)), name).toBe(true);
    expect(readFileSync(join(IMAGES, name), 'utf8'), name).toBe(svg);
  }
});
