import { expect, test } from 'vitest';
import { type Circumstances, verdictsOn } from './verdicts.js';

const service = (vips: readonly string[], announce = true): Circumstances['tables'] extends ReadonlyMap<string, infer T> ? T : never => ({
  service: { vips, mode: 'dsr', keepSource: false, synOnly: false, announce },
});
const targets: Readonly<Record<string, number>> = { web: 2, dns: 1, empty: 0, idle: 0 };
const tables = new Map([
  ['web', service(['10.0.0.1/32', '1000::1/128'])],
  ['empty', service(['10.0.0.2/32', '10.0.0.1/32'])],
  ['idle', service(['10.0.0.2/32'])],
  ['dns', service(['10.0.0.3/32'], false)],
  ['plain', {}],
]);
const good: Circumstances = { tables, isDrained: false, problems: [], targetsOf: (table) => targets[table] ?? 0 };

/** By VIP: empty if it is announced. */
function whys(circumstances: Partial<Circumstances>): Record<string, string> {
  const verdicts = verdictsOn({ ...good, ...circumstances });
  for (const { announced, why } of verdicts) expect(announced).toBe(why === '');
  return Object.fromEntries(verdicts.map(({ vip, why }) => [vip, why]));
}

test('VIPs of tables that say so are announced, while one of their tables has a target', () => {
  expect(whys({})).toEqual({ '10.0.0.1/32': '', '1000::1/128': '', '10.0.0.2/32': 'no target in use: table empty, idle' });
});

test('none is announced when an operator says so, or the load balancer is not healthy', () => {
  const all = (why: string): object => ({ '10.0.0.1/32': why, '1000::1/128': why, '10.0.0.2/32': why });
  expect(whys({ problems: ['queue 2: its worker is stuck'] })).toEqual(all('not healthy: queue 2: its worker is stuck'));
  expect(whys({ isDrained: true, problems: ['queue 2: its worker is stuck'] })).toEqual(all('drained'));
});

test('without such tables there is nothing to say', () => {
  expect(whys({ tables: new Map([['dns', service(['10.0.0.3/32'], false)]]) })).toEqual({});
});
