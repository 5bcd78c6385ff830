import { parseConfiguration } from '@nfqlb/configuration';
import { expect, test } from 'vitest';
import { monitoredTables, usedTables } from './monitored.js';

const { tables } = parseConfiguration(
  `
tables:
  web:
    mode: nat
    vips: [10.0.0.1/32, 10.0.1.0/24, 2001:db8::1/128]
    health: { type: tcp, port: 80, panic: 0.7 }
    targets:
      - { fwmark: 1, address: [192.168.1.1, fd00::1] }
      - { fwmark: 2, address: [192.168.1.2, fd00::2], drain: true, health: { type: none } }
      - { fwmark: 3, address: [192.168.1.3, fd00::3], weight: 0 }
  other: { targets: { 9: 1 } }
`,
  'f',
);

test('tables with addresses are watched; drain and weight 0 are maintenance', () => {
  const tcp = expect.objectContaining({ type: 'tcp', port: 80 });
  expect(monitoredTables(tables!)).toEqual([
    {
      name: 'web',
      panic: 0.7,
      vips: ['10.0.0.1', '2001:db8::1'],
      targets: [
        { fwmark: 1, addresses: ['192.168.1.1', 'fd00::1'], settings: tcp, maintenance: false },
        { fwmark: 2, addresses: ['192.168.1.2', 'fd00::2'], settings: undefined, maintenance: true },
        { fwmark: 3, addresses: ['192.168.1.3', 'fd00::3'], settings: tcp, maintenance: true },
      ],
    },
  ]);
});

test('targets that are not to be used are left out; tables that are not watched stay as declared', () => {
  const used = usedTables(tables!, (name) => (name === 'web' ? new Set([1]) : undefined));
  expect([...used].map(([name, { targets }]) => [name, targets])).toEqual([
    ['web', [{ fwmark: 1, weight: 1 }]],
    ['other', [{ fwmark: 9, weight: 1 }]],
  ]);
});
