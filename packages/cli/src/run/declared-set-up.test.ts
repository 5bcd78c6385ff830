import { parseConfiguration } from '@nfqlb/configuration';
import type { SetUp } from '@nfqlb/setup';
import { describe, expect, test } from 'vitest';
import { declaredSetUps, withFormer } from './declared-set-up.js';

const declared = (yaml: string): Map<string, SetUp> =>
  declaredSetUps(parseConfiguration(yaml, 'f'), { queue: { first: 0, last: 3 }, fast: true });

/** Tables with VIPs and `FWMARK=ADDRESS` targets. */
const site = (tables: Record<string, { vips: string[]; targets: string[]; mode?: string }>): Map<string, SetUp> =>
  declared(
    JSON.stringify({
      tables: Object.fromEntries(
        Object.entries(tables).map(([name, { vips, targets, mode = 'dsr' }]) => {
          const list = targets.map((text) => ({ fwmark: Number(text.split('=')[0]), address: text.split('=')[1] }));
          return [name, { vips, mode, targets: list }];
        }),
      ),
    }),
  );
const V = '10.0.0.1/32';
const summary = (setUps: ReadonlyMap<string, SetUp>): string[] =>
  [...setUps].map(
    ([name, { vips, mode, targets }]) =>
      `${name} ${mode} ${[...vips[4], ...vips[6]].join()} ${targets.map(({ fwmark, addresses }) => `${fwmark}=${addresses[4] ?? addresses[6]}`).join()}`,
  );

test('a set-up for each table with VIPs, with the queues of the load balancer; also for targets in maintenance', () => {
  const all = declared(`
tables:
  web: { mode: nat, vips: [10.0.0.1/32, 1000::1/128], keep-source: true, targets: [
    { fwmark: 1, address: [fd00::1, 192.168.1.1] }, { fwmark: 2, address: [192.168.1.2, fd00::2], drain: true }] }
  other: { targets: { 9: 1 } }
`);
  expect([...all]).toEqual([
    [
      'web',
      {
        vips: { 4: ['10.0.0.1/32'], 6: ['1000::1/128'] },
        targets: [
          { fwmark: 1, addresses: { 4: '192.168.1.1', 6: 'fd00::1' } },
          { fwmark: 2, addresses: { 4: '192.168.1.2', 6: 'fd00::2' } },
        ],
        mode: 'nat',
        queue: { first: 0, last: 3 },
        traffic: 'forward',
        keepSource: true,
        synOnly: false,
        fast: true,
      },
    ],
  ]);
});

test.each([
  [{ queue: { first: 0, last: 3 }, fragmentQueue: 3 }, 'dsr', { queue: { first: 0, last: 2 }, fragmentQueue: 3, traffic: 'forward' }],
  [{ queue: { first: 0, last: 3 }, fragmentQueue: 0 }, 'dsr', { queue: { first: 1, last: 3 }, fragmentQueue: 0, traffic: 'forward' }],
  [
    { queue: { first: 2, last: 3 }, fragmentQueue: 3 },
    'nat',
    { queue: { first: 2, last: 2 }, fragmentQueue: undefined, traffic: 'forward' },
  ],
  [{ queue: { first: 2, last: 2 }, local: true }, 'dsr', { queue: { first: 2, last: 2 }, fragmentQueue: undefined, traffic: 'local' }],
])('%o with %s: which packets, and by which queues', (choice, mode, expected) => {
  const configuration = parseConfiguration(`tables: { web: { mode: ${mode}, vips: 10.0.0.1/32 } }`, 'f');
  const { queue, fragmentQueue, traffic } = declaredSetUps(configuration, { fast: false, ...choice }).get('web')!;
  expect({ queue, fragmentQueue, traffic }).toEqual(expected);
});

describe('the way to former targets stays', () => {
  test.each([
    [
      'of a table',
      { web: { vips: [V], targets: ['1=192.168.1.1'] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      [`web dsr ${V} 1=192.168.1.1,2=192.168.1.2`],
    ],
    ['of a table that has gone', {}, { web: { vips: [V], targets: ['2=192.168.1.2'] } }, [`web dsr ${V} 2=192.168.1.2`]],
    [
      'with their VIP',
      { web: { vips: ['10.0.0.2/32'], targets: [] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      ['web dsr 10.0.0.2/32,10.0.0.1/32 2=192.168.1.2'],
    ],
    [
      'also if another table has the same target now',
      { dns: { vips: ['10.0.0.2/32'], mode: 'nat', targets: ['2=192.168.1.2'] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      ['dns nat 10.0.0.2/32 2=192.168.1.2', `web dsr ${V} 2=192.168.1.2`],
    ],
    [
      'unless their fwmark leads elsewhere',
      { dns: { vips: ['10.0.0.2/32'], targets: ['2=192.168.1.9'] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      ['dns dsr 10.0.0.2/32 2=192.168.1.9', `web dsr ${V} `],
    ],
    [
      'unless the mode changes',
      { web: { vips: [V], mode: 'nat', targets: [] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      [`web nat ${V} `],
    ],
    [
      'unless they have no address of a family that has VIPs now',
      { web: { vips: ['1000::1/128'], targets: [] } },
      { web: { vips: [V], targets: ['2=192.168.1.2'] } },
      ['web dsr 1000::1/128 '],
    ],
  ])('%s', (_, now, before, expected) => {
    expect(summary(withFormer(site(now), site(before)))).toEqual(expected);
  });
});
