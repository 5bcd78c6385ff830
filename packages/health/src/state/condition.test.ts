import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Condition, type ConditionRules, type ConditionState } from './condition.js';

interface Result {
  readonly passed: boolean;
  /** ms */
  readonly at: number;
}

/** The state after each result, from all results so far, as docs/health.md says it. */
function naiveStates(results: readonly Result[], { rise, fall, damping }: ConditionRules): ConditionState[] {
  const states: ConditionState[] = [];
  results.forEach(({ passed, at }, i) => {
    const before = states[i - 1];
    const last = (count: number, wanted: boolean): boolean =>
      i + 1 >= count && results.slice(i + 1 - count, i + 1).every((result) => result.passed === wanted);
    const wentDown = states.filter(
      (state, j) => state === 'down' && states[j - 1] === 'up' && at - results[j]!.at <= damping.within * 1000,
    );
    const allPassSince = results[results.findLastIndex((result, j) => j <= i && !result.passed) + 1];
    const isHeld = damping.downs > 0 && wentDown.length >= damping.downs && at - (allPassSince?.at ?? 0) < damping.hold * 1000;
    if (before === undefined) states.push(passed ? 'up' : 'down');
    else if (before === 'up') states.push(last(fall, false) ? 'down' : 'up');
    else if (!passed) states.push('down');
    else if (!last(rise, true)) states.push(before);
    else states.push(isHeld ? 'damped' : 'up');
  });
  return states;
}

const anyRules: fc.Arbitrary<ConditionRules> = fc.record({
  rise: fc.integer({ min: 1, max: 4 }),
  fall: fc.integer({ min: 1, max: 4 }),
  damping: fc.record({
    downs: fc.integer({ min: 0, max: 3 }),
    within: fc.integer({ min: 1, max: 30 }),
    hold: fc.integer({ min: 1, max: 30 }),
  }),
});

const anyResults = fc
  .array(fc.record({ passed: fc.boolean(), repeat: fc.integer({ min: 1, max: 6 }), step: fc.integer({ min: 0, max: 5000 }) }), {
    maxLength: 30,
  })
  .map((runs) => {
    let at = 0;
    return runs.flatMap(({ passed, repeat, step }) =>
      Array.from({ length: repeat }, (): Result => {
        at += step;
        return { passed, at };
      }),
    );
  });

test('any results: the states of a naive model that looks at all of them again', () => {
  fc.assert(
    fc.property(anyRules, anyResults, (rules, results) => {
      const condition = new Condition(rules);
      expect(results.map(({ passed, at }) => condition.report(passed, at))).toEqual(naiveStates(results, rules));
    }),
  );
});

const RULES: ConditionRules = { rise: 2, fall: 3, damping: { downs: 2, within: 60, hold: 10 } };

/** A word for each second: `+` passed, `-` failed. */
function statesOf(words: string, rules: ConditionRules = RULES): string {
  const condition = new Condition(rules);
  const letters: Record<ConditionState, string> = { unknown: '?', up: 'u', down: 'd', damped: '~' };
  return [...words].map((word, i) => letters[condition.report(word === '+', i * 1000)]).join('');
}

// A second per letter. Above: checks; below: states, `u` up, `d` down, `~` held down.
test.each([
  ['the first result decides', '-', 'd'],
  ['the first result decides', '+', 'u'],
  ['down at the third failure, up at the second pass', '+--+---+-++', 'uuuuuuddddu'],
  ['passed checks in between count from the beginning', '+--+--+--+', 'uuuuuuuuuu'],
  ['down a second time within a minute: held until all has passed for 10 s', '+---++---++++++++++++', 'uuuddu' + 'uud' + 'd~~~~~~~~~uu'],
  ['a failure while it is held begins anew', '+---++---+++-+++++++++++', 'uuuddu' + 'uud' + 'd~~' + 'd' + 'd~~~~~~~~~u'],
])('%s', (_, checks, states) => {
  expect(statesOf(checks)).toBe(states);
});
