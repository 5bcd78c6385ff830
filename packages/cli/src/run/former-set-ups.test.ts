import type { SetUp, SetUpTarget } from '@nfqlb/setup';
import { expect, test } from 'vitest';
import { FormerSetUps } from './former-set-ups.js';

const target = (fwmark: number, host = fwmark): SetUpTarget => ({ fwmark, addresses: { 4: `192.168.1.${host}` } });
const set = (...targets: readonly SetUpTarget[]): Map<string, SetUp> =>
  new Map([
    [
      'web',
      {
        vips: { 4: ['10.0.0.1/32'], 6: [] },
        targets,
        mode: 'dsr',
        queue: { first: 0, last: 0 },
        traffic: 'forward',
        keepSource: false,
        synOnly: false,
        fast: false,
      },
    ],
  ]);
const shown = (setUps: ReadonlyMap<string, SetUp>): string[] =>
  setUps
    .get('web')!
    .targets.map(({ fwmark, addresses }) => `${fwmark} ${addresses[4]!.slice('192.168.1.'.length)}`)
    .sort();

test('each former target keeps its way for its own time, also when others come and go meanwhile', () => {
  const former = new FormerSetUps();
  former.add(set(target(1), target(2)));
  expect(shown(former.with(set(target(2)), 0))).toEqual(['1 1', '2 2']);
  // Until it has been replaced, nobody knows until when.
  expect(former.next).toBe(Number.POSITIVE_INFINITY);
  former.settle(100);
  former.add(set(target(2)));
  expect(shown(former.with(set(target(3)), 50))).toEqual(['1 1', '2 2', '3 3']);
  former.settle(150);
  expect(former.next).toBe(100);
  expect(shown(former.with(set(target(3)), 100))).toEqual(['2 2', '3 3']);
  expect(shown(former.with(set(target(3)), 150))).toEqual(['3 3']);
  expect(former.next).toBeUndefined();
});

test('a fwmark that has led to several targets leads to the last of them', () => {
  const former = new FormerSetUps();
  former.add(set(target(1, 10)));
  former.settle(100);
  former.add(set(target(1, 11)));
  former.settle(200);
  expect(shown(former.with(set(target(2)), 0))).toEqual(['1 11', '2 2']);
  expect(shown(former.with(set(target(1, 12)), 0))).toEqual(['1 12']);
});

test('when very many follow each other, none is forgotten too early', () => {
  const former = new FormerSetUps();
  for (let i = 1; i <= 100; i++) {
    former.add(set(target(i)));
    former.settle(1000 + i);
  }
  expect(shown(former.with(set(), 1000))).toHaveLength(100);
  expect(shown(former.with(set(), 1099))).toContain('100 100');
});
