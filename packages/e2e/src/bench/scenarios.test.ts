// Each scenario, for a fraction of a second, with forwarding and this project's two ways: the figures are not to be read, but must be such as could be.

import { expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { type RunOptions, runScenario, secondsFor } from './run-scenario.js';
import { SCENARIOS } from './scenarios.js';

const OPTIONS: RunOptions = {
  rounds: 1,
  seconds: 0.2,
  costRate: 10_000,
  bursts: [1],
  latencyRate: 5000,
  connectionRate: 300,
  only: ['nfqlb', 'fast', 'nfqlb in transition'],
};

describeLive(
  'scenarios',
  () => {
    test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
      '%s',
      async (name, scenario) => {
        const results = await runScenario(scenario, OPTIONS, () => {});
        expect(results.map(({ family }) => family)).toEqual(scenario.families);
        const names = scenario.site.transition ? ['forward', 'nfqlb', 'nfqlb in transition'] : ['forward', 'nfqlb', 'fast'];
        for (const { scenario: measured, contenders } of results) {
          expect(measured).toBe(name);
          expect(Object.keys(contenders)).toEqual(names);
          for (const [contender, [figures]] of Object.entries(contenders)) {
            const { rate, offered, costs, latency, loss, drops, process } = figures!;
            const { kind } = scenario.traffic;
            expect(rate, contender).toBeGreaterThan({ datagrams: 5000, bulk: 1e7, connections: 100 }[kind]);
            expect(offered).toBeGreaterThan(0);
            if (kind !== 'bulk') {
              expect(costs).toHaveLength(1);
              expect(costs[0]!.each).toBeGreaterThan(1);
              expect(costs[0]!.lostShare).toBeLessThan(0.5);
              expect(latency!.times.p50).toBeGreaterThan(1);
              expect(latency!.times.p999).toBeGreaterThanOrEqual(latency!.times.p50);
              expect(loss!.rate).toBeCloseTo(0.6 * rate);
              expect(loss!.share).toBeLessThan(0.5);
            }
            if (contender === 'forward') {
              expect([drops, process]).toEqual([undefined, undefined]);
            } else {
              // A Node process with its threads, and no more than a machine has.
              expect(process!.resident).toBeGreaterThan(30 << 20);
              expect(process!.resident).toBeLessThan(2 ** 31);
              expect(process!.collections!.longest).toBeLessThan(1000);
              expect(drops!.otherwise).toBeGreaterThanOrEqual(0);
            }
          }
        }
      },
      120_000,
    );
  },
  NFQLB,
);

test('the time that it takes grows with rounds, contenders and families', () => {
  const [first] = SCENARIOS;
  const seconds = secondsFor(first!, OPTIONS);
  expect(secondsFor(first!, { ...OPTIONS, rounds: 2 })).toBeGreaterThan(seconds);
  expect(secondsFor(first!, { ...OPTIONS, families: [4, 6] })).toBeGreaterThan(1.5 * seconds);
  expect(secondsFor(first!, { ...OPTIONS, only: ['nfqlb'] })).toBeLessThan(seconds);
});
