import { UsageError } from '@nfqlb/options';
import { describe, expect, test } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { parseConfiguration } from './read-configuration.js';

const surroundings = {
  hasTable: () => false,
  isOwnAddress: (address: string) => address === '192.168.1.254',
  checkOption: (name: string, value: unknown) => {
    if (name !== 'queue') throw new UsageError('unknown-option', `unknown option ${name}`);
    if (value !== '0:3') throw new UsageError('invalid-value', 'must be 0:3', { option: '--queue', value: String(value) });
  },
};

const problems = (text: string): string[] => {
  try {
    parseConfiguration(text, 'f', surroundings);
  } catch (error) {
    if (error instanceof ConfigurationError) return [error, ...error.further].map(({ message }) => message);
    throw error;
  }
  return [];
};

test('targets with addresses, in tables with VIPs; a table without a flow gets one', () => {
  const { tables, flows, options } = parseConfiguration(
    `
tables:
  web:
    mode: dsr
    vips: [10.0.0.1/32, "2001:DB8::1/128"]
    targets:
      - { fwmark: 101, address: [192.168.1.1, "fd00:1:0::1"], weight: 2 }
      - { fwmark: 102, address: [192.168.1.2, "fd00:1::2"], drain: true }
  dns: { mode: nat, vips: 10.0.0.2/32, keep-source: true, announce: true, targets: [{ fwmark: 201, address: 192.168.1.3 }] }
flows:
  - { name: dns, target: dns, dports: 53 }
options: { queue: "0:3" }
`,
    'f',
    surroundings,
  );
  expect(tables!.get('web')).toMatchObject({
    targets: [{ fwmark: 101, weight: 2 }],
    service: { vips: ['10.0.0.1/32', '2001:db8::1/128'], mode: 'dsr', keepSource: false, synOnly: false, announce: false },
    members: [
      { fwmark: 101, addresses: ['192.168.1.1', 'fd00:1::1'], maintenance: false },
      { fwmark: 102, addresses: ['192.168.1.2', 'fd00:1::2'], maintenance: true },
    ],
  });
  expect(tables!.get('dns')).toMatchObject({ service: { vips: ['10.0.0.2/32'], mode: 'nat', keepSource: true, announce: true } });
  expect(flows).toEqual([
    { name: 'dns', target: 'dns', dports: '53', place: 'f:11:5' },
    { name: 'web', target: 'web', dsts: '10.0.0.1/32,2001:db8::1/128', place: 'f:3:3' },
  ]);
  expect(options).toEqual(new Map([['queue', '0:3']]));
});

const table = (fields: string): string => `tables: { web: { ${fields} } }`;
const one = 'mode: dsr, vips: 10.0.0.1/32, targets';

describe('one line says what is wrong', () => {
  test.each([
    [
      table('vips: 10.0.0.1/32'),
      'f:1:18: table web has vips and needs a mode: dsr (targets have the VIP, too) or nat (it is translated to their address)',
    ],
    [table('mode: nat'), 'f:1:18: table web has a mode and needs vips: [10.0.0.1/32]'],
    [table('mode: ipvs, vips: 10.0.0.1/32'), 'f:1:24: mode: must be one of dsr, nat'],
    [
      table('mode: dsr, vips: 10.0.0.1'),
      'f:1:35: vips: must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128, with its number of bits',
    ],
    [table('mode: dsr, vips: []'), 'f:1:35: vips: must not be empty'],
    [table('mode: dsr, vips: [10.0.0.1/32, 10.0.0.1/32]'), 'f:1:49: VIP 10.0.0.1/32 is listed twice'],
    [table('mode: dsr, vips: 10.0.0.1/32, syn-only: true'), 'f:1:48: syn-only: needs mode nat'],
    [table('announce: true'), 'f:1:18: table web has no vips that could be announced'],
    [table('mode: dsr, vips: 10.0.0.1/32, announce: yes'), 'f:1:58: announce: must be true or false'],
    [
      table(`${one}: { 101: 1 }`),
      'f:1:48: table web has vips and needs its targets’ addresses: targets: [{ fwmark: 101, address: 192.168.1.1 }]',
    ],
    [table(`${one}: [{ fwmark: 101 }]`), 'f:1:58: fwmark 101: address must be given'],
    [table(`${one}: [{ address: 192.168.1.1 }]`), 'f:1:58: fwmark: must be given'],
    [
      table(`${one}: [{ fwmark: 101, adress: 192.168.1.1, address: 192.168.1.1 }]`),
      'f:1:73: unknown key "adress"; there are fwmark, address, weight, drain, health',
    ],
    [table(`${one}: [{ fwmark: 101, address: 192.168.1 }]`), 'f:1:82: address: must be an address such as 192.168.1.1 or 2001:db8::1'],
    [
      table(`${one}: [{ fwmark: 0, address: 192.168.1.1 }]`),
      'f:1:68: fwmark: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: 192.168.1.1 }, { fwmark: 101, address: 192.168.1.2 }]`),
      'f:1:107: fwmark 101: another target of the table has it',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: 192.168.1.1 }, { fwmark: 102, address: 192.168.1.1 }]`),
      'f:1:121: fwmark 102: 192.168.1.1 is the address of fwmark 101 already',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: [192.168.1.1, 192.168.1.2] }]`),
      'f:1:96: fwmark 101 has two IPv4 addresses; 192.168.1.2 is one too many',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: "fd00::1" }]`),
      'f:1:82: fwmark 101 has no IPv4 address, but the VIP 10.0.0.1/32 is IPv4|f:1:82: fwmark 101: fd00::1 is an IPv6 address, but no VIP of the table is',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: 10.0.0.1 }]`),
      'f:1:82: fwmark 101: 10.0.0.1 is in the VIP 10.0.0.1/32: packets to it would be load-balanced, too',
    ],
    [
      table(`${one}: [{ fwmark: 101, address: 192.168.1.254 }]`),
      'f:1:82: fwmark 101: 192.168.1.254 is an address of this machine; a target must be another one',
    ],
    [
      'tables: { a: { mode: dsr, vips: 10.0.0.1/32 }, b: { mode: nat, vips: 10.0.0.1/32 } }\nflows: [{ name: x, target: a }, { name: y, target: b }]',
      'f:1:70: VIP 10.0.0.1/32 has mode dsr in table a; a VIP can have one mode',
    ],
    [
      'tables: { a: { mode: nat, vips: 10.0.0.1/32 }, b: { mode: nat, vips: 10.0.0.1/32 } }',
      'f:1:70: VIP 10.0.0.1/32 is also in table a: flows must say which packets go by b and which by a',
    ],
    [
      'tables: { a: { targets: [{ fwmark: 1, address: 192.168.1.1 }] }, b: { targets: [{ fwmark: 1, address: 192.168.1.2 }] } }',
      'f:1:103: fwmark 1: 192.168.1.2: in table a this fwmark has the address 192.168.1.1; a fwmark leads to one target',
    ],
    [
      `${table('mode: nat, vips: 10.0.0.1/32')}\nflows: [{ name: web, target: other }]`,
      'f:1:11: no flow leads to table web, and a flow of that name leads elsewhere; it needs a flow|f:2:9: flow web: there is no table other, neither under tables nor in shared memory',
    ],
    ['tier: [http://10.1.0.3:9911, 10.1.0.4:9911]', 'f:1:30: tier: must be where a load balancer has its metrics: http://10.1.0.3:9911'],
    ['tier: [http://10.1.0.3:9911/metrics]', 'f:1:8: tier: must be where a load balancer has its metrics: http://10.1.0.3:9911'],
    ['options: { queue: 7 }', 'f:1:19: queue: must be 0:3'],
    ['options: { quue: 7 }', 'f:1:12: unknown option quue'],
    ['', 'f:1:1: must be a mapping'],
  ])('%s', (text, expected) => {
    expect(problems(text).join('|')).toBe(expected);
  });

  test('for each mistake, in the order of the file', () => {
    const text = `
tables:
  web:
    vips: [10.0.0.1/32]
    targets:
      - { fwmark: 101, address: 192.168.1.1 }
      - { fwmark: 101, address: 192.168.1.1, wait: 2 }
flows: [{ name: x, target: y }]
options: { queue: 0 }
`;
    expect(problems(text).map((line) => line.replace(/^(f:\d+:\d+: \S+).*/, '$1'))).toEqual([
      'f:4:5: table',
      'f:7:19: fwmark',
      'f:7:46: unknown',
      'f:8:9: flow',
      'f:9:19: queue:',
    ]);
  });
});
