import { expect, test } from 'vitest';
import { atTick } from './tick.js';

test('calls at the first tick after the instant, in order; what was cancelled is not called', async () => {
  const calls: string[] = [];
  const begin = performance.now();
  const called = await new Promise<number[]>((resolve) => {
    const times: number[] = [];
    const note = (name: string) => (): void => {
      calls.push(name);
      times.push(performance.now() - begin);
      if (name === 'last') resolve(times);
    };
    atTick(begin + 120, note('last'));
    const cancel = atTick(begin + 60, note('cancelled'));
    // An earlier one wakes earlier than the timer that is set.
    atTick(begin + 30, note('first'));
    atTick(begin + 30, () => atTick(performance.now() + 1, note('second')));
    atTick(begin + 90, note('third'));
    cancel();
  });
  expect(calls).toEqual(['first', 'second', 'third', 'last']);
  expect(called[0]).toBeGreaterThanOrEqual(30);
  expect(called.at(-1)).toBeGreaterThanOrEqual(120);
});
