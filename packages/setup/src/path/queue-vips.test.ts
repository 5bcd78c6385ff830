import { formatCidr } from '@nfqlb/core/address';
import { expect, test } from 'vitest';
import { queueVips } from './queue-vips.js';
import { parseChains } from './saved-chains.js';

/** The VIPs of queues 2 to 3, and the unclear ones, for the rules of the table mangle. */
function vipsOf(...lines: readonly string[]): { readonly vips: string[]; readonly unclear: string[] } {
  const saved = `*mangle\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:NFQLB - [0:0]\n:OTHER - [0:0]\n${lines.join('\n')}\nCOMMIT\n`;
  const { vips, unclear } = queueVips(2, 3, (family) => ({ tables: family === 4 ? parseChains(saved) : new Map() }));
  return { vips: vips.map(formatCidr), unclear: unclear.map(({ vip, rule }) => `${formatCidr(vip)}: ${rule}`) };
}

const OWN = '-A PREROUTING -j NFQLB';

test.each<[about: string, lines: readonly string[], vips: readonly string[], unclear: readonly RegExp[]]>([
  ['a plain rule', ['-A PREROUTING -d 10.0.0.1/32 -j NFQUEUE --queue-num 2'], ['10.0.0.1/32'], []],
  ['one without destination', ['-A PREROUTING -j NFQUEUE --queue-balance 2:3'], ['0.0.0.0/0'], []],
  ['those of up --fast', [OWN, '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j NFQUEUE --queue-num 3'], ['10.0.0.1/32'], []],
  [
    'those of up --fast --fragment_queue',
    [
      OWN,
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j NFQUEUE --queue-num 3',
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j NFQUEUE --queue-num 2',
    ],
    ['10.0.0.1/32'],
    [],
  ],
  [
    'those of up --fast --syn-only',
    [
      OWN,
      '-A NFQLB -d 10.0.0.1/32 -m connmark ! --mark 0x0 -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      '-A NFQLB -d 10.0.0.1/32 -m connmark ! --mark 0x0 -j RETURN',
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j NFQUEUE --queue-num 2',
    ],
    ['10.0.0.1/32'],
    [],
  ],
  ['another queue', ['-A PREROUTING -d 10.0.0.1/32 -j NFQUEUE --queue-num 4'], [], []],
  ['packets of this machine', ['-A OUTPUT -d 10.0.0.1/32 -j NFQUEUE --queue-num 2'], [], []],
  [
    'only a port',
    ['-A PREROUTING -d 10.0.0.1/32 -p tcp -m tcp --dport 80 -j NFQUEUE --queue-num 2'],
    [],
    [/^10\.0\.0\.1\/32: .*--dport 80/],
  ],
  [
    'packets that pass before',
    ['-A PREROUTING -p tcp -m tcp --dport 22 -j ACCEPT', '-A PREROUTING -d 10.0.0.1/32 -j NFQUEUE --queue-num 2'],
    [],
    [/^10\.0\.0\.1\/32: .*--dport 22 -j ACCEPT/],
  ],
  [
    'a chain that only some packets enter',
    ['-A PREROUTING -i eth7 -j OTHER', '-A OTHER -d 10.0.0.1/32 -j NFQUEUE --queue-num 2'],
    [],
    [/^10\.0\.0\.1\/32: -A OTHER/],
  ],
])('%s', (_, lines, vips, unclear) => {
  const found = vipsOf(...lines);
  expect(found.vips).toEqual(vips);
  expect(found.unclear).toEqual(unclear.map((pattern) => expect.stringMatching(pattern)));
});

test('rules that cannot be read are reported', () => {
  expect(queueVips(2, 2, () => ({ unreadable: 'needs root' }))).toEqual({ vips: [], unclear: [], unreadable: 'needs root' });
});
