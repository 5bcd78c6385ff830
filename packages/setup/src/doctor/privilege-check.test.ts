import { expect, test } from 'vitest';
import type { Facts } from './facts.js';
import { checkPrivileges } from './privilege-check.js';

const lb = (privileges?: object): object => ({ queue: 2, status: { command: 'lb', problems: [], tables: [], privileges } });

test.each([
  ['nothing runs', [], []],
  ['it does not answer', [{ queue: 2, why: 'no answer' }], []],
  ['an older version', [lb()], []],
  [
    'no more than it needs',
    [lb({ capabilities: ['CAP_NET_ADMIN', 'CAP_BPF'], unneeded: [], mayGain: false })],
    ['ok: the load balancer of queue 2 (lb) has CAP_NET_ADMIN, CAP_BPF, and can gain none'],
  ],
  [
    'one that may not call capset(2)',
    [lb({ capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'], unneeded: ['CAP_NET_RAW'], mayGain: false })],
    ['warning: the load balancer of queue 2 (lb) still has CAP_NET_RAW, which it does not need'],
  ],
  [
    'one that may not call prctl(2)',
    [lb({ capabilities: ['CAP_NET_ADMIN'], unneeded: [], mayGain: true })],
    ['warning: programs that the load balancer of queue 2 (lb) starts may gain privileges'],
  ],
])('%s', (_, loadBalancers, expected) => {
  const findings = checkPrivileges({ loadBalancers } as unknown as Facts);
  expect(findings.map(({ status, text }) => `${status}: ${text}`)).toEqual(expected);
});
