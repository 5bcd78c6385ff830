import { expect, test } from 'vitest';
import { nearestName } from './nearest-name.js';

const NAMES = ['M', 'N', 'shm', 'queue', 'notargets_fwmark', 'ft_size', 'ft_shm'];

test.each([
  ['m', 'M'],
  ['smh', 'shm'],
  ['qeue', 'queue'],
  ['queues', 'queue'],
  ['ft_sise', 'ft_size'],
  ['no_targets_fwmrk', 'notargets_fwmark'],
  ['nonsense', undefined],
  ['', undefined],
  ['x', undefined],
])('%s: %s', (given, nearest) => expect(nearestName(given, NAMES)).toBe(nearest));
