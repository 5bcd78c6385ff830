import { expect, test } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { parseConfiguration } from './read-configuration.js';

const problems = (text: string): string => {
  try {
    parseConfiguration(text, 'f');
  } catch (error) {
    if (error instanceof ConfigurationError) return [error, ...error.further].map(({ message }) => message).join('|');
    throw error;
  }
  return 'none';
};

const table = (
  health: string,
  target = '',
  targets = `[{ fwmark: 1, address: 192.168.1.1${target} }, { fwmark: 2, address: 192.168.1.2 }]`,
): string => `tables:\n  web:\n    mode: dsr\n    vips: 10.0.0.1/32\n    health: ${health}\n    targets: ${targets}\n`;

test('a table’s check, and what a target has differently', () => {
  const { tables } = parseConfiguration(table('{ type: tcp, port: 80, panic: 0.4 }', ', health: { port: 81, to: vip }, weight: 0'), 'f');
  expect(tables!.get('web')).toMatchObject({
    panic: 0.4,
    members: [
      { fwmark: 1, weight: 0, health: { type: 'tcp', port: 81, to: 'vip', interval: 2 } },
      { fwmark: 2, weight: 1, health: { type: 'tcp', port: 80, to: 'address' } },
    ],
  });
});

test.each([
  [table('{ type: tcp }'), 'f:5:13: port: must be given for a check of type tcp: the port to connect to'],
  [table('{ type: tcp, port: 0 }'), 'f:5:32: port: must be a whole number from 1 to 65535'],
  [table('{ type: tcp, port: 80, path: / }'), 'f:5:42: path: a check of type tcp has none; only http, https'],
  [table('{ port: 80 }'), 'f:5:13: type: must be given: tcp, http, https, udp, icmp, sctp, exec, none'],
  [table('{ type: tcp, prot: 80 }'), /^f:5:26: unknown key "prot"; there are type, to, interval, .*command, panic$/],
  [
    table('{ type: icmp }', ', health: { interval: 1, timeout: 2 }'),
    'f:6:82: timeout: must not be longer than the interval: 2 s, and the interval is 1 s',
  ],
  [table('{ type: icmp }', '', '{ 1: 1 }'), /^f:5:5: table web has health and needs its targets’ addresses/],
  [
    table('{ type: icmp, to: vip }').replace('/32', '/31').replace('0.1', '0.0'),
    /^f:5:31: to: there is no VIP that a check can go to: the table has no vips of a single address$/,
  ],
  [
    table('{ type: icmp, to: vip }').replace('dsr', 'nat'),
    'f:5:31: to: vip is for mode dsr: only forwarded packets are translated; must be address',
  ],
])('%#: %s', (text, expected) => {
  if (typeof expected === 'string') expect(problems(text)).toBe(expected);
  else expect(problems(text)).toMatch(expected);
});
