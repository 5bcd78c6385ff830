import { describe, expect, test } from 'vitest';
import { UsageError } from '../usage-error.js';
import { list, repeatable } from './list.js';
import { decimalSeconds, fwmark, fwmarkOrNone, queueRange, targetFwmark, type ValueParser, wholeNumber } from './numbers.js';
import { cpuList, priority } from './scheduling.js';
import { oneOf } from './suggestion.js';
import { targets } from './targets.js';

/** Parsers by name, with texts that they accept, texts that they refuse, and what they then say is allowed. */
const cases: [name: string, parse: ValueParser<unknown>, good: [string, unknown][], bad: string[], allowed: string][] = [
  [
    'wholeNumber',
    wholeNumber({ min: 3, max: 993997 }),
    [
      ['3', 3],
      ['993997', 993997],
      ['010', 10],
      ['00000000000000000000003', 3],
    ],
    ['', ' ', '2', '993998', '-1', '-3', '+3', '3.0', '1e3', '0x10', '3x', ' 3', '3\n', '٣', '4294967299', '9'.repeat(400), 'NaN', 'three'],
    'must be a whole number from 3 to 993997',
  ],
  [
    'wholeNumber with a negative minimum',
    wholeNumber({ min: -1, max: 5 }),
    [
      ['-1', -1],
      ['-0', 0],
      ['5', 5],
    ],
    ['-2', '--1', '-', '- 1', '6'],
    'must be a whole number from -1 to 5',
  ],
  [
    'wholeNumber up to the largest that is exact',
    wholeNumber({ max: Number.MAX_SAFE_INTEGER }),
    [['9007199254740991', 2 ** 53 - 1]],
    ['9007199254740992', '-0'],
    'must be a whole number from 0 to 9007199254740991',
  ],
  [
    'fwmark',
    fwmark,
    [
      ['0', 0],
      ['2147483647', 2147483647],
    ],
    ['2147483648', '4294967295', '4294967296', '-1', '0x10', '101,102', 'web'],
    'must be a whole number from 0 to 2147483647 (the shared table holds a signed 32-bit number)',
  ],
  [
    'targetFwmark',
    targetFwmark,
    [
      ['1', 1],
      ['2147483647', 2147483647],
    ],
    ['0', '-1', '2147483648', 'web'],
    'must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
  ],
  [
    'fwmarkOrNone',
    fwmarkOrNone,
    [
      ['-1', -1],
      ['101', 101],
    ],
    ['-2', '2147483648', 'none'],
    'must be a whole number from -1 to 2147483647 (-1 for none; the shared table holds a signed 32-bit number)',
  ],
  [
    'decimalSeconds',
    decimalSeconds,
    [
      ['0', 0],
      ['1.5', 1.5],
      ['10', 10],
      ['0.000000001', 1e-9],
      ['999999999.999999999', 1e9],
    ],
    ['', '-1', '+1', '.5', '1.', '1e3', '1s', '1,5', '0.0000000001', '1000000000', 'Infinity'],
    'must be seconds such as 10 or 0.5, from 0 to 999999999, with at most nine decimals',
  ],
  [
    'priority',
    priority,
    [
      ['0', { nice: 0 }],
      ['-20', { nice: -20 }],
      ['19', { nice: 19 }],
      ['fifo:1', { realTime: 1 }],
      ['fifo:99', { realTime: 99 }],
    ],
    ['', '-21', '20', '+5', 'fifo', 'fifo:', 'fifo:0', 'fifo:100', 'rr:1', '1.5'],
    'must be a nice value from -20 to 19, or a real-time priority from fifo:1 to fifo:99',
  ],
  [
    'cpuList',
    cpuList,
    [
      ['0', [0]],
      ['1,0', [1, 0]],
      ['2-4,8191', [2, 3, 4, 8191]],
    ],
    ['x', '-1', '3-1', '8192', '1-', '0x1', '1:2'],
    'must be CPUs such as 1 or 0,2-3',
  ],
  [
    'queueRange',
    queueRange,
    [
      ['2', { first: 2, last: 2 }],
      ['0:3', { first: 0, last: 3 }],
      ['65535', { first: 65535, last: 65535 }],
      ['7:7', { first: 7, last: 7 }],
    ],
    ['', ':', '0:', ':3', '3:0', '65536', '0:65536', '-1', '0-3', '0:1:2', 'x', '1.5'],
    'must be a queue from 0 to 65535 or several, FIRST:LAST',
  ],
  ['oneOf', oneOf('fwmark', 'nfqlb'), [['nfqlb', 'nfqlb']], ['', 'fw', 'NFQLB', 'fwmark,nfqlb'], 'must be one of fwmark, nfqlb'],
];

describe.each(cases)('%s', (_name, parse, good, bad, allowed) => {
  test.each(good)('%j', (text, value) => expect(parse(text)).toEqual(value));

  test.each(bad)('refuses %j', (text) => {
    expect(() => parse(text)).toThrowError(new UsageError('invalid-value', allowed, { value: text }));
  });
});

describe('targets', () => {
  test.each([
    ['101', [{ fwmark: 101, weight: 1 }]],
    [
      '101,102:2',
      [
        { fwmark: 101, weight: 1 },
        { fwmark: 102, weight: 2 },
      ],
    ],
    ['7:0', [{ fwmark: 7, weight: 0 }]],
    ['7:65535', [{ fwmark: 7, weight: 65535 }]],
  ])('%s', (text, expected) => expect(targets(text)).toEqual(expected));

  test.each([
    ['', /^: must be a list with commas between its items, none of them empty$/],
    ['101,', /^101,: must be a list/],
    ['101,x', /^x: must be a whole number from 1 to 2147483647/],
    ['101:65536', /^65536: must be a whole number from 0 to 65535$/],
    ['101:', /^: must be a whole number from 0 to 65535$/],
    ['101:1:1', /^1:1: must be/],
    ['101,102,101:2', /^101,102,101:2: fwmark 101 is listed twice$/],
  ])('refuses %j', (text, message) => expect(() => targets(text)).toThrowError(message));
});

test('a list reports the errors of its items', () => {
  expect(list(queueRange)('1,2:3')).toEqual([
    { first: 1, last: 1 },
    { first: 2, last: 3 },
  ]);
  expect(() => list(queueRange)('1,3:2')).toThrowError(/^3:2: must be a queue/);
});

test('repeated values are collected', () => {
  const collect = repeatable(wholeNumber({ max: 1_000_000 }));
  expect(collect('2', collect('1'))).toEqual([1, 2]);
});
