import { parseCidr } from '@nfqlb/core/address';
import { describe, expect, test } from 'vitest';
import { walk } from './chain-walk.js';
import type { KnownPacket } from './rule-match.js';
import { parseChains } from './saved-chains.js';

const VIP = parseCidr('10.0.0.1/32')!;
const TO_VIP: KnownPacket = { destination: VIP, mark: 0, isForwarded: true };

/** The outcomes in a table with these rules: `queue`, or `accept?` if uncertain. */
function outcomes(rules: readonly string[], packet: KnownPacket = TO_VIP, policy = 'ACCEPT'): string[] {
  const declared = [':A - [0:0]', ':B - [0:0]'];
  const saved = ['*mangle', `:PREROUTING ${policy} [0:0]`, ...declared, ...rules.map((rule) => `-A ${rule}`), 'COMMIT', ''].join('\n');
  const chains = parseChains(saved).get('mangle')!;
  return walk(chains, 'PREROUTING', packet).map(({ what, isCertain }) => `${what}${isCertain ? '' : '?'}`);
}

describe('a packet’s path', () => {
  test.each<[string, string[], string[]]>([
    ['without rules: the policy', [], ['accept']],
    [
      'to the first rule that matches',
      ['PREROUTING -d 10.0.0.2/32 -j DROP', 'PREROUTING -d 10.0.0.0/8 -j NFQUEUE', 'PREROUTING -j DROP'],
      ['queue'],
    ],
    ['past a rule that may match', ['PREROUTING -s 10.9.0.0/16 -j ACCEPT', 'PREROUTING -j NFQUEUE'], ['accept?', 'queue']],
    ['into a chain and back', ['PREROUTING -j A', 'PREROUTING -j DROP', 'A -d 10.0.0.3/32 -j ACCEPT'], ['drop']],
    ['into a chain, where it ends', ['PREROUTING -j A', 'PREROUTING -j DROP', 'A -j NFQUEUE'], ['queue']],
    ['into a chain that returns', ['PREROUTING -j A', 'PREROUTING -j DROP', 'A -j RETURN', 'A -j NFQUEUE'], ['drop']],
    ['into a chain that may return', ['PREROUTING -j A', 'PREROUTING -j DROP', 'A -i eth0 -j RETURN', 'A -j NFQUEUE'], ['queue?', 'drop']],
    ['maybe into a chain', ['PREROUTING -i eth0 -j A', 'A -j NFQUEUE'], ['queue?', 'accept']],
    ['through chains in chains', ['PREROUTING -j A', 'A -j B', 'A -j DROP', 'B -j NFQUEUE'], ['queue']],
    ['by goto, which does not come back', ['PREROUTING -j B', 'B -g A', 'B -j DROP', 'A -d 10.0.0.9/32 -j DROP'], ['accept']],
    ['out of the hook by RETURN', ['PREROUTING -m mark --mark 0x0 -j RETURN', 'PREROUTING -j NFQUEUE'], ['accept']],
    ['with a known mark', ['PREROUTING -m mark ! --mark 0x0 -j ACCEPT', 'PREROUTING -j NFQUEUE'], ['queue']],
    [
      'with a changed mark',
      [
        'PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff',
        'PREROUTING -m mark ! --mark 0x0 -j ACCEPT',
        'PREROUTING -j NFQUEUE',
      ],
      ['mark', 'accept?', 'queue'],
    ],
    ['past rules that only count or log', ['PREROUTING -d 10.0.0.1/32', 'PREROUTING -j LOG --log-prefix "a -j DROP "'], ['accept']],
    ['through chains that jump to each other', ['PREROUTING -j A', 'A -j B', 'B -j A'], ['accept']],
    ['past comments', ['PREROUTING -m comment --comment "no -j ACCEPT ! here" -j NFQUEUE'], ['queue']],
  ])('%s', (_, rules, expected) => {
    expect(outcomes(rules)).toEqual(expected);
  });

  test('to a policy that drops', () => {
    expect(outcomes(['PREROUTING -p tcp -j NFQUEUE'], TO_VIP, 'DROP')).toEqual(['queue?', 'drop']);
  });
});

test.each<[string, Partial<KnownPacket>, boolean | undefined]>([
  ['-p tcp', { protocol: 6 }, true],
  ['-p udp', { protocol: 6 }, false],
  ['! -p udp', { protocol: 6 }, true],
  ['-p 47', { protocol: 47 }, true],
  ['-p tcp -m tcp --dport 80', { protocol: 6, destinationPort: 80 }, true],
  ['-p tcp -m tcp --dport 80:90', { protocol: 6, destinationPort: 91 }, false],
  ['-p tcp -m multiport --dports 22,80:90', { protocol: 6, destinationPort: 85 }, true],
  ['-p tcp -m multiport ! --dports 22,80', { protocol: 6, destinationPort: 80 }, false],
  ['-p udp -m udp --sport 1024:', { protocol: 17, sourcePort: 5000 }, true],
  ['-p tcp -m tcp --dport 80', { protocol: 6 }, undefined],
  ['-p tcp -m tcp --tcp-flags SYN,RST SYN', { protocol: 6 }, undefined],
  ['-s 10.2.0.0/16', { source: parseCidr('10.2.3.4/32')! }, true],
  ['-s 10.2.0.0/16', { source: parseCidr('10.0.0.0/8')! }, undefined],
  ['! -s 10.2.0.0/16', { source: parseCidr('10.3.0.1/32')! }, true],
  ['-s fd00::/16', { source: parseCidr('10.3.0.1/32')! }, false],
  ['-m mark --mark 0x5/0xf', { mark: 0x15 }, true],
  ['-m mark --mark 0x5', { mark: 0x15 }, false],
  ['-m mark --mark 0xffffffff', { mark: 0xffffffff }, true],
  ['-f', { isFragment: false }, false],
  ['-i lo', {}, false],
  ['-i eth0', {}, undefined],
  ['-m conntrack --ctstate ESTABLISHED', {}, undefined],
])('%s, for a packet with %j', (conditions, known, matches) => {
  const expected = matches === undefined ? ['queue?', 'accept'] : matches ? ['queue'] : ['accept'];
  expect(outcomes([`PREROUTING ${conditions} -j NFQUEUE`], { isForwarded: true, ...known })).toEqual(expected);
});
