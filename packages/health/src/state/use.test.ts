import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TargetState } from '../monitored.js';
import { useOf } from './use.js';

const STATES: readonly TargetState[] = ['unknown', 'up', 'down', 'damped', 'maintenance', 'unchecked'];
const used = (states: readonly TargetState[], threshold: number): string => {
  const use = useOf(states, threshold);
  return use.used.map((yes) => (yes ? 'u' : '-')).join('') + (use.panic ? '!' : '');
};

test.each<[string, TargetState[], number, string]>([
  ['what is up, not known yet, or not checked', ['up', 'unknown', 'unchecked', 'up'], 0.5, 'uuuu'],
  ['half of them down', ['up', 'down', 'up', 'damped'], 0.5, 'u-u-'],
  ['more than half down: all', ['up', 'down', 'down', 'damped'], 0.5, 'uuuu!'],
  ['all down', ['down', 'down'], 0.5, 'uu!'],
  ['all down, and no panic wanted', ['down', 'down'], 1, '--'],
  ['any down is panic', ['up', 'up', 'down'], 0, 'uuu!'],
  ['maintenance does not count, and is never used', ['down', 'maintenance', 'maintenance', 'up'], 0.5, '---u'],
  ['maintenance in panic', ['down', 'maintenance', 'down', 'up'], 0.5, 'u-uu!'],
  ['all in maintenance', ['maintenance', 'maintenance'], 0.5, '--'],
  ['no targets', [], 0.5, ''],
])('%s', (_, states, threshold, expected) => {
  expect(used(states, threshold)).toBe(expected);
});

test('a checker that finds everything down cannot empty a table that allows less than all to be down', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...STATES), { minLength: 1 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (states, threshold) => {
        const { used } = useOf(states, threshold);
        const available = states.filter((state) => state !== 'maintenance').length;
        const inUse = used.filter(Boolean).length;
        expect(states.every((state, i) => state !== 'maintenance' || !used[i])).toBe(true);
        expect(inUse).toBeGreaterThanOrEqual(available * (1 - threshold) - 1e-9);
        if (available > 0) expect(inUse).toBeGreaterThan(0);
      },
    ),
  );
});
