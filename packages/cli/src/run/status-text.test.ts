import type { Status, TargetHealth } from '@nfqlb/protocol/status';
import { expect, test } from 'vitest';
import { statusAsJson, statusText } from './status-text.js';

const target = (fwmark: number, more: Partial<TargetHealth>): TargetHealth => ({
  ...{ fwmark, addresses: [`192.168.1.${fwmark}`], state: 'up', reason: '', lately: '', trouble: '', used: true, since: 65 },
  checks: { passed: 1, failed: 0, downs: 0 },
  ...more,
});

const QUEUE = { length: 1024, bound: true, waiting: 0, queueDropped: 0, socketDropped: 0, stalled: 0 };
const STATUS = {
  ...{ format: 1, version: 'nfqlb-1.2.3', command: 'run', pid: 77, uptime: 100, problems: [], file: '/etc/nfqlb/nfqlb.yaml' },
  queues: [0, 1].map((queue) => ({ ...QUEUE, queue })),
  degradations: [{ subject: 'set-up', problems: ['no such network'], seconds: 3 }],
  health: [
    {
      name: 'web',
      panic: false,
      targets: [
        target(101, { lately: '192.168.1.101: no answer within 1 s (1 of 3)' }),
        target(102, { state: 'down', used: false, reason: '192.168.1.102: connection refused', since: 3 }),
        target(103, { state: 'unknown', addresses: ['192.168.1.103', 'fd00::3'], trouble: 'too many open files' }),
      ],
    },
  ],
  tables: [
    { name: 'web', present: true, buckets: 997, targets: 2 },
    { name: 'plain', present: true, buckets: 997, targets: 4 },
  ],
} as unknown as Status;

test('the load balancer, what is degraded, and each target: its state, for how long, where and why', () => {
  expect(statusText(STATUS)).toEqual([
    '/etc/nfqlb/nfqlb.yaml: degraded, queues 0 to 1, pid 77, up 0:01:40, nfqlb-1.2.3',
    'set-up: degraded for 0:00:03: no such network',
    'table web: 2 of 3 targets in use',
    '  FWMARK  STATE    FOR      ADDRESS                WHY',
    '  101     up       0:01:05  192.168.1.101          lately 192.168.1.101: no answer within 1 s (1 of 3)',
    '  102     down     0:00:03  192.168.1.102          192.168.1.102: connection refused',
    '  103     unknown  0:01:05  192.168.1.103 fd00::3  cannot be checked: too many open files',
    'table plain: 4 active, without addresses',
  ]);
  expect(statusText({ ...STATUS, problems: ['queue 0: nobody listens'] }).slice(0, 2)).toEqual([
    '/etc/nfqlb/nfqlb.yaml: not healthy, queues 0 to 1, pid 77, up 0:01:40, nfqlb-1.2.3',
    'not healthy: queue 0: nobody listens',
  ]);
  const panic = { ...STATUS, degradations: [], health: STATUS.health!.map((table) => ({ ...table, panic: true })) };
  expect(statusText(panic).slice(0, 2)).toEqual([
    '/etc/nfqlb/nfqlb.yaml: healthy, queues 0 to 1, pid 77, up 0:01:40, nfqlb-1.2.3',
    'table web: 2 of 3 targets in use; so many are down that all are used',
  ]);
});

test('for programs', () => {
  expect(statusAsJson(STATUS)).toEqual({
    ...{ file: '/etc/nfqlb/nfqlb.yaml', pid: 77, queue: 0, version: 'nfqlb-1.2.3', uptime: 100, problems: [] },
    degradations: STATUS.degradations,
    tables: [...STATUS.health!, { name: 'plain', active: 4 }],
  });
});

test('names and reasons cannot control the terminal', () => {
  const evil = { ...STATUS, file: '\x1b[2J', degradations: [{ subject: 'a', problems: ['\x07'], seconds: 1 }] };
  expect(/\p{Cc}/u.test(statusText(evil).join(''))).toBe(false);
});
