import { Reason } from '@nfqlb/core';
import { Counters, WorkerCounters } from '@nfqlb/daemon/shared';
import type { Status, TargetHealth } from '@nfqlb/protocol/status';
import { expect, test } from 'vitest';
import { figuresOf } from './figures.js';
import { figuresAsJson } from './json-line.js';
import { plainLines } from './plain-lines.js';
import { drawScreen, type View } from './screen.js';

/** The clock of a turn that took this long. */
const took = (milliseconds: number): Float64Array => Float64Array.of(0, milliseconds);

/** The status of a load balancer with two queues, after `count` on the counters of its workers. */
function statusOf(count: (first: WorkerCounters, second: WorkerCounters) => void, more: Partial<Status> = {}): Status {
  const counters = new Counters(2);
  count(new WorkerCounters(counters.memory, 0), new WorkerCounters(counters.memory, 1));
  const queue = { length: 1024, bound: true, waiting: 3, queueDropped: 0, socketDropped: 0, stalled: 0 };
  const { targets, others } = counters.targets();
  return {
    format: 1,
    version: 'nfqlb-1.2.3',
    command: 'flowlb',
    pid: 77,
    uptime: 100,
    problems: [],
    queues: [0, 1].map((worker) => ({ ...queue, queue: 2 + worker, counts: counters.of(worker) })),
    targets: [101, 102].map((fwmark) => ({ packets: 0, octets: 0, ...targets.get(fwmark), fwmark, active: true })),
    otherTargets: others,
    flows: [{ name: 'web', target: 'table', packets: 10, octets: 1000 }],
    tables: [],
    fragments: { active: 4, lookups: 100, fragsMax: 100 },
    ...more,
  };
}

const BEFORE = statusOf(() => {});
/** Four seconds later. */
const AFTER = statusOf(
  (first, second) => {
    for (let i = 0; i < 300; i++) first.count(101, Reason.Balanced, 100);
    for (let i = 0; i < 100; i++) second.count(102, Reason.FragmentKnown, 500);
    for (let i = 0; i < 20; i++) second.count(-1, Reason.NoTarget, 50);
    for (let i = 0; i < 8; i++) second.count(-2, Reason.FragmentStored, 50);
    first.countTurn(200, took(100));
    first.countTurn(100, took(300));
    second.countTurn(128, took(1));
  },
  {
    uptime: 104,
    flows: [{ name: 'web', target: 'table', packets: 50, octets: 9000 }],
    fragments: { active: 5, lookups: 140, fragsMax: 100 },
  },
);

test('rates per second', () => {
  const figures = figuresOf(BEFORE, AFTER)!;
  expect(figures).toMatchObject({ packets: 107, accepted: 100, dropped: 5, stored: 2, bits: (8 * (30_000 + 50_000 + 1000 + 400)) / 4 });
  expect(figures.drops).toEqual([{ reason: 'no-target', packets: 5, all: 20 }]);
  expect(figures.queues[0]).toMatchObject({ packets: 75, batch: 150, busy: 0.1, waiting: 3, length: 1024 });
  expect(figures.targets).toEqual([
    { fwmark: 101, active: true, packets: 75, bits: 60_000, all: 300, share: 0.75 },
    { fwmark: 102, active: true, packets: 25, bits: 100_000, all: 100, share: 0.25 },
  ]);
  expect(figures.flows).toEqual([{ name: 'web', target: 'table', packets: 10, bits: 16_000, all: 50 }]);
  expect(figures.fragments.lookups).toBe(10);
});

test('there are no figures at first, nor after a restart; a redefined flow starts at 0', () => {
  expect(figuresOf(undefined, AFTER)).toBeUndefined();
  expect(figuresOf({ ...BEFORE, pid: 78 }, AFTER)).toBeUndefined();
  expect(figuresOf(AFTER, AFTER)).toBeUndefined();
  expect(figuresOf({ ...BEFORE, queues: BEFORE.queues.slice(1) }, AFTER)).toBeUndefined();
  const redefined = figuresOf(AFTER, { ...AFTER, uptime: 105, flows: [{ name: 'web', target: 'table', packets: 1, octets: 100 }] })!;
  expect(redefined.flows[0]).toMatchObject({ packets: 0, all: 1 });
});

const view = (more: Partial<View> = {}): View => ({
  status: AFTER,
  figures: figuresOf(BEFORE, AFTER),
  trouble: undefined,
  index: 0,
  count: 1,
  interval: 1,
  ...more,
});
const texts = (shown: View, columns: number, rows: number): string[] => drawScreen(shown, { columns, rows }).map(({ text }) => text);

test('the screen of 80 columns and 24 rows', () => {
  expect(texts(view(), 80, 24).slice(0, 16)).toEqual([
    'nfqlb flowlb  queues 2 to 3  healthy  up 0:01:44  pid 77  nfqlb-1.2.3',
    '107 packets/s  0.163 Mbit/s  accepted 100/s  dropped 5/s  stored 2/s',
    '',
    ' QUEUE  WAITING      OF  PACKETS/S  BATCH   BUSY  DROPPED/S             DROPPED',
    '     2        3   1,024         75  150.0  10.0%          0                   0',
    '     3        3   1,024         32  128.0   0.0%          0                   0',
    '',
    'fragments  10/s  datagrams 5  stored 0/100  sent on 0/s  no room 0/s  lost 0/s',
    'dropped  no-target 5/s (20)',
    '',
    'TARGET                       PACKETS/S     MBIT/S   SHARE               PACKETS',
    '101                                 75      0.060   75.0%                   300',
    '102                                 25      0.100   25.0%                   100',
    '',
    'FLOW                         PACKETS/S     MBIT/S   TABLE               PACKETS',
    'web                                 10      0.016   table                    50',
  ]);
  expect(texts(view({ count: 3, index: 1 }), 80, 24).at(-1)).toBe('q quit   Tab next load balancer (2 of 3)   every 1 s');
});

const checked = (fwmark: number, state: string, reason: string, since: number): TargetHealth => ({
  ...{ fwmark, addresses: [`192.168.1.${fwmark}`], state, reason, lately: '', trouble: '', used: state === 'up', since },
  checks: { passed: 1, failed: 0, downs: 0 },
});
const CHECKED: Status = {
  ...AFTER,
  degradations: [{ subject: 'configuration', problems: ['nfqlb.yaml: no such file'], seconds: 12 }],
  health: [
    { name: 'web', panic: false, targets: [checked(101, 'up', '', 90), checked(102, 'down', '192.168.1.102: connection refused', 61)] },
    { name: 'dns', panic: false, targets: [checked(101, 'up', '', 90)] },
  ],
};

test('what checks say, and what is degraded', () => {
  const figures = figuresOf(BEFORE, CHECKED)!;
  const screen = texts(view({ status: CHECKED, figures }), 80, 24);
  expect(screen.slice(1, 3)).toEqual([
    'configuration: degraded for 0:00:12: nfqlb.yaml: no such file',
    'table web: target 102 down for 0:01:01: 192.168.1.102: connection refused',
  ]);
  expect(screen.filter((line) => line.startsWith('10')).map((line) => line.slice(0, 25).trimEnd())).toEqual([
    '107 packets/s  0.163 Mbit',
    '101 (up)',
    '102 (down)',
  ]);
  const lines = plainLines(figures, '12:00:00').map((line) => line.replace('12:00:00 lb=2 ', ''));
  expect(lines).toContain('degraded configuration seconds=12 why="nfqlb.yaml: no such file"');
  expect(lines).toContain('health 102 table=web state=down used=no seconds=61 why="192.168.1.102: connection refused"');
  expect(lines).toContain('health 101 table=dns state=up used=yes seconds=90 why=""');
  expect(figuresAsJson(figures, new Date(0))).toMatchObject({ degradations: CHECKED.degradations, health: CHECKED.health });
  // Many that are down leave room for all else.
  const targets = Array.from({ length: 100 }, (_, i) => checked(i, 'down', 'connection refused', i));
  const many = { ...CHECKED, health: [{ name: 'web', panic: true, targets }] };
  expect(texts(view({ status: many, figures: figuresOf(BEFORE, many) }), 80, 24)[6]).toBe('… and 96 more targets are down');
});

test('a screen of any size is filled exactly', () => {
  const many = {
    ...AFTER,
    targets: Array.from({ length: 500 }, (_, i) => ({ fwmark: i, active: true, packets: i, octets: i })),
    flows: Array.from({ length: 500 }, (_, i) => ({ name: `flow${i}`, target: 't', packets: i, octets: i })),
    problems: ['queue 2: a', 'queue 3: b'],
  };
  for (const status of [AFTER, many]) {
    for (const [columns, rows] of [
      [80, 24],
      [1, 1],
      [20, 2],
      [200, 5],
      [60, 14],
      [132, 60],
    ] as const) {
      for (const figures of [figuresOf(BEFORE, status), undefined]) {
        const lines = texts(view({ status, figures, trouble: 'x'.repeat(100) }), columns, rows);
        expect(lines.length).toBe(rows);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
  }
  // The busiest are shown, then the number of the others; targets and flows get half of the rows each.
  const lines = texts(view({ status: many, figures: figuresOf({ ...BEFORE, targets: [], flows: [] }, many) }), 80, 24);
  expect(lines.find((line) => line.startsWith('499'))).toBeDefined();
  expect(lines.find((line) => line.startsWith('flow499'))).toBeDefined();
  expect(lines.filter((line) => /^… 49\d more$/.test(line)).length).toBe(2);
});

test('control characters in names are escaped, on screen and in lines', () => {
  const evil = { ...AFTER, flows: [{ name: 'a\x1b[2J\nb', target: '\x07', packets: 50, octets: 1 }], problems: ['x\x1b]0;y\x07'] };
  const figures = figuresOf(BEFORE, evil)!;
  const shown = [...texts(view({ status: evil, figures, trouble: '\x1bc' }), 80, 24), ...plainLines(figures, '12:00:00')].join('');
  expect(/\p{Cc}/u.test(shown)).toBe(false);
});

test('JSON for other programs', () => {
  const line = JSON.parse(JSON.stringify(figuresAsJson(figuresOf(BEFORE, AFTER)!, new Date(0))));
  expect(line).toMatchObject({
    time: '1970-01-01T00:00:00.000Z',
    lb: 2,
    problems: [],
    packets: 107,
    accepted: 100,
    dropped: 5,
    stored: 2,
    targets: [
      { fwmark: 101, active: true, packets: 75, bits: 60000, all: 300, share: 0.75 },
      { fwmark: 102, packets: 25, bits: 100000, all: 100, share: 0.25 },
    ],
    flows: [{ name: 'web', target: 'table', packets: 10, bits: 16000, all: 50 }],
    drops: [{ reason: 'no-target', packets: 5, all: 20 }],
  });
  expect(line.queues.map(({ queue, waiting }: { queue: number; waiting: number }) => [queue, waiting])).toEqual([
    [2, 3],
    [3, 3],
  ]);
});

test('lines for other programs', () => {
  expect(plainLines(figuresOf(BEFORE, AFTER)!, '12:00:00')).toEqual([
    '12:00:00 lb=2 total packets/s=107 bits/s=162800 accepted/s=100 dropped/s=5 stored/s=2 healthy=yes',
    '12:00:00 lb=2 queue 2 waiting=3 length=1024 packets/s=75 batch=150 busy=0.1 queue-full/s=0 socket-full/s=0 dropped=0',
    '12:00:00 lb=2 queue 3 waiting=3 length=1024 packets/s=32 batch=128 busy=0 queue-full/s=0 socket-full/s=0 dropped=0',
    '12:00:00 lb=2 fragments lookups/s=10 datagrams=5 stored=0 rejected/s=0 discarded/s=0 reinjected/s=0',
    '12:00:00 lb=2 drop no-target packets/s=5 packets=20',
    '12:00:00 lb=2 target 101 packets/s=75 bits/s=60000 packets=300',
    '12:00:00 lb=2 target 102 packets/s=25 bits/s=100000 packets=100',
    '12:00:00 lb=2 flow web table=table packets/s=10 bits/s=16000 packets=50',
  ]);
});
