import { expect, test } from 'vitest';
import type { FastPathChoice } from '../fast-path/fast-path-choice.js';
import type { Companion } from './companion.js';
import { neededCapabilities } from './privileges.js';

const ALL = ~0n;
const WITHOUT_BPF = ALL & ~(1n << 39n);
const fast = { interfaces: ['eth0'] } as unknown as FastPathChoice;
const companion = { capabilities: ['CAP_NET_RAW'] } as unknown as Companion;

test.each([
  ['a load balancer', {}, ALL, ['CAP_NET_ADMIN']],
  ['one with a fast path', { fast }, ALL, ['CAP_NET_ADMIN', 'CAP_BPF', 'CAP_PERFMON']],
  ['one in a container whose engine does not know CAP_BPF', { fast }, WITHOUT_BPF, ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']],
  ['one with a companion', { companion }, ALL, ['CAP_NET_ADMIN', 'CAP_NET_RAW']],
])('%s', (_, options, permitted, expected) => {
  expect(neededCapabilities({ fast: undefined, ...options }, permitted)).toEqual(expected);
});
