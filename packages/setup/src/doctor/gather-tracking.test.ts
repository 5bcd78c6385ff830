import { expect, test } from 'vitest';
import { isTracking, parseEntries } from './gather-tracking.js';

// As printed by Linux 6.
const TCP =
  'ipv4     2 tcp      6 431999 ESTABLISHED src=10.2.0.1 dst=10.0.0.1 sport=4711 dport=80 src=10.0.1.2 dst=10.2.0.1 sport=80 dport=4711 [ASSURED] mark=1 zone=0 use=2';
const UDP =
  'ipv6     10 udp      17 29 src=fd00::1 dst=fd00::2 sport=1 dport=2 [UNREPLIED] src=fd00::2 dst=fd00::1 sport=2 dport=1 mark=0 zone=0 use=2';
const PING =
  'ipv4     2 icmp     1 9 src=10.2.0.1 dst=10.0.0.1 type=8 code=0 id=77 src=10.0.1.2 dst=10.2.0.1 type=0 code=0 id=77 mark=0 use=2';

test('entries are parsed', () => {
  expect([...parseEntries(`${TCP}\n${UDP}\n${PING}\n`)]).toEqual([
    ['ipv4     2 tcp      6 src=10.2.0.1 dst=10.0.0.1 sport=4711 dport=80 ', 431_999],
    ['ipv6     10 udp      17 src=fd00::1 dst=fd00::2 sport=1 dport=2 ', 29],
    ['ipv4     2 icmp     1 src=10.2.0.1 dst=10.0.0.1 type=8 code=0 id=77 ', 9],
  ]);
});

test.each([
  ['no packet came', [TCP.replace('431999', '431996'), UDP.replace(' 29 ', ' 27 ')], false],
  ['an entry timed out', [TCP.replace('431999', '431997')], false],
  ['packets came', [TCP.replace('431999', '431997'), UDP.replace(' 29 ', ' 28 ')], true],
  ['an entry is new', [TCP.replace('431999', '431997'), PING], true],
])('whether packets are tracked, when %s', (_, after, goesOn) => {
  expect(isTracking(parseEntries(`${TCP}\n${UDP}\n`), parseEntries(after.join('\n')))).toBe(goesOn);
});
