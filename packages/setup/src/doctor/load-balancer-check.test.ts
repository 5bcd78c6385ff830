import { expect, test } from 'vitest';
import type { Facts } from './facts.js';
import { checkLoadBalancers } from './load-balancer-check.js';

const table = (name: string, present: boolean): { name: string; present: boolean; buckets: number; targets: number } => ({
  name,
  present,
  buckets: 97,
  targets: 2,
});

test.each([
  ['none', [], []],
  ['healthy ones', [{ queue: 2, status: { command: 'lb', problems: [], tables: [table('web', true)] } }], ['ok: 1 running, healthy']],
  [
    'a table that was deleted',
    [{ queue: 2, status: { command: 'flowlb', problems: [], tables: [table('web', false), table('dns', true)] } }],
    ['warning: the load balancer of queue 2 (flowlb) uses table web, which was deleted: its targets cannot be changed'],
  ],
  [
    'an unhealthy one',
    [{ queue: 4, status: { command: 'lb', problems: ['queue 4: its worker is stuck'], tables: [] } }],
    ['problem: the load balancer of queue 4 is not healthy: queue 4: its worker is stuck'],
  ],
  [
    'one whose file is broken',
    [
      {
        queue: 2,
        status: {
          command: 'run',
          problems: [],
          degradations: [{ subject: 'configuration', problems: ['f:1:1: no'], seconds: 9 }],
          tables: [],
        },
      },
    ],
    ['warning: the load balancer of queue 2 (run): configuration: f:1:1: no, for 9 s'],
  ],
  [
    'one that does not answer',
    [{ queue: 4, status: undefined, why: 'no answer within 2000 ms' }],
    ['problem: the load balancer of queue 4 does not answer: no answer within 2000 ms'],
  ],
])('%s', (_name, loadBalancers, expected) => {
  const findings = checkLoadBalancers({ loadBalancers } as unknown as Facts);
  expect(findings.map(({ status, text }) => `${status}: ${text}`)).toEqual(expected);
});
