import { describe, expect, test } from 'vitest';
import type { Facts } from './facts.js';
import { checkSetUp } from './set-up-check.js';

type Saved = Pick<Facts, 'savedRules' | 'policyRules' | 'ownTables'>;

/** The rules of `up` for two VIPs and fwmarks 1 and 2, as iptables-save prints them. */
const DSR = `*mangle
:NFQLB - [0:0]
-A PREROUTING -j NFQLB
-A NFQLB -d 10.0.0.1/32 -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j NFQUEUE --queue-num 3
-A NFQLB -d 10.0.0.2/32 -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j NFQUEUE --queue-num 3
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2
-A NFQLB -d 10.0.0.2/32 -j NFQUEUE --queue-num 2
COMMIT
*filter
:NFQLB - [0:0]
-A INPUT -j NFQLB
-A FORWARD -j NFQLB
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j DROP
-A NFQLB -d 10.0.0.2/32 -m mark --mark 0x0 -j DROP
COMMIT
`;
const NAT = `${DSR}*nat
:NFQLB - [0:0]
:NFQLB-SOURCE - [0:0]
-A PREROUTING -j NFQLB
-A POSTROUTING -j NFQLB-SOURCE
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x1 -j DNAT --to-destination 192.168.1.1
-A NFQLB -d 10.0.0.2/32 -m mark --mark 0x1 -j DNAT --to-destination 192.168.1.1
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x10 -j DNAT --to-destination 192.168.1.2
-A NFQLB -d 10.0.0.2/32 -m mark --mark 0x10 -j DNAT --to-destination 192.168.1.2
-A NFQLB-SOURCE -d 192.168.1.1/32 -m mark --mark 0x1 -j MASQUERADE
-A NFQLB-SOURCE -d 192.168.1.2/32 -m mark --mark 0x10 -j MASQUERADE
COMMIT
`;
const CONNMARK = '--nfmask 0xffffffff --ctmask 0xffffffff';
const SYN_ONLY = ['10.0.0.1/32', '10.0.0.2/32'].reduce(
  (text, vip) =>
    text
      .replace(
        '-A NFQLB -d 10.0.0.1/32 -m u32',
        `-A NFQLB -d ${vip} -m connmark ! --mark 0x0 -j CONNMARK --restore-mark ${CONNMARK}\n-A NFQLB -d ${vip} -m connmark ! --mark 0x0 -j RETURN\n$&`,
      )
      .replace(
        '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x1',
        `-A NFQLB -d ${vip} -m mark ! --mark 0x0 -j CONNMARK --save-mark ${CONNMARK}\n$&`,
      ),
  NAT,
);
const LOCAL = DSR.replace('-A PREROUTING', '-A OUTPUT').replace('-A INPUT -j NFQLB\n-A FORWARD', '-A OUTPUT');

/** One family's packet rules, and the fwmarks of its policy rules and routing tables. */
interface Family {
  readonly rules?: string;
  readonly asked?: readonly number[];
  readonly routed?: readonly number[];
  readonly leads?: boolean;
}

function check(four: Family, six: Family = {}): ReturnType<typeof checkSetUp> {
  const both = <T>(read: (family: Family) => T): Record<4 | 6, T> => ({ 4: read(four), 6: read(six) });
  const saved: Saved = {
    savedRules: both(({ rules = '' }) => rules),
    policyRules: both(({ asked = [], leads = true }) =>
      asked.map((fwmark) => ({ fwmark, table: 1_420_000_000 + fwmark, own: true, leads })),
    ),
    ownTables: both(({ routed = [] }) => routed.map((fwmark) => 1_420_000_000 + fwmark)),
  };
  return checkSetUp({
    ...saved,
    capabilities: 1n << 12n,
    sysctls: { ipv6Forwarding: true },
    loadBalancers: [] as Facts['loadBalancers'],
  } as Facts);
}

const dsr = (rules = DSR): Family => ({ rules, asked: [1, 2], routed: [1, 2] });
const without = (rules: string, ...lines: readonly string[]): string =>
  lines.reduce((text, line) => {
    expect(text).toContain(line);
    return text.replace(`${line}\n`, '');
  }, rules);

describe('complete:', () => {
  test.each<[string, Family, Family?]>([
    ['a set-up with dsr', dsr()],
    ['both families', dsr(), dsr(DSR.replaceAll(/-m u32 --u32 \S+/g, '-m frag'))],
    ['with nat', { rules: NAT }],
    ['with syn-only', { rules: SYN_ONLY }],
    ['for local programs', dsr(LOCAL)],
    ['with foreign rules', dsr(`${DSR}*nat\n-A PREROUTING -m mark --mark 0x7 -j ACCEPT\nCOMMIT\n`)],
  ])('%s', (_, four, six) => {
    expect(check(four, six)).toMatchObject({ status: 'ok', text: 'what nfqlb up has set up is whole' });
  });

  test('nothing', () => {
    expect(check({})).toMatchObject({ status: 'ok', text: 'nothing of nfqlb up' });
  });
});

describe('missing:', () => {
  test.each<[string, Family, string]>([
    ['a jump', dsr(without(DSR, '-A INPUT -j NFQLB')), 'iptables -t filter: no rule leads from INPUT to the chain NFQLB'],
    ['every jump of a table', dsr(without(DSR, '-A PREROUTING -j NFQLB')), 'iptables -t mangle: no rule leads to the chain NFQLB'],
    [
      'the jump to source NAT',
      { rules: without(NAT, '-A POSTROUTING -j NFQLB-SOURCE') },
      'iptables -t nat: no rule leads from POSTROUTING to the chain NFQLB-SOURCE',
    ],
    ['every rule of a chain', dsr(DSR.replaceAll(/-A NFQLB .*NFQUEUE.*\n/g, '')), 'iptables -t mangle: the chain NFQLB is empty'],
    [
      'the queue rule of a VIP',
      dsr(without(DSR, '-A NFQLB -d 10.0.0.2/32 -j NFQUEUE --queue-num 2')),
      'iptables -t mangle: no rule with -j NFQUEUE for 10.0.0.2/32',
    ],
    [
      'the fragment rule of a VIP',
      dsr(without(DSR, '-A NFQLB -d 10.0.0.2/32 -m u32 --u32 "0x4&0x3fff=0x1:0x3fff" -j NFQUEUE --queue-num 3')),
      'iptables -t mangle: no rule with -j NFQUEUE for fragments to 10.0.0.2/32',
    ],
    [
      'the guard of a VIP',
      dsr(without(DSR, '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j DROP')),
      'iptables -t filter: no rule with -j DROP for 10.0.0.1/32',
    ],
    [
      'a DNAT rule',
      { rules: without(NAT, '-A NFQLB -d 10.0.0.2/32 -m mark --mark 0x10 -j DNAT --to-destination 192.168.1.2') },
      'iptables -t nat: no rule with -j DNAT for 10.0.0.2/32 and fwmark 16',
    ],
    [
      'a source NAT rule',
      { rules: without(NAT, '-A NFQLB-SOURCE -d 192.168.1.1/32 -m mark --mark 0x1 -j MASQUERADE') },
      'iptables -t nat: no rule with -j MASQUERADE for fwmark 1',
    ],
    [
      'the rule that saves connection marks for a VIP',
      { rules: without(SYN_ONLY, `-A NFQLB -d 10.0.0.2/32 -m mark ! --mark 0x0 -j CONNMARK --save-mark ${CONNMARK}`) },
      'iptables -t nat: no rule with -j CONNMARK --save-mark for 10.0.0.2/32, as --syn-only has it',
    ],
    [
      'the rule that restores them',
      { rules: without(SYN_ONLY, `-A NFQLB -d 10.0.0.1/32 -m connmark ! --mark 0x0 -j CONNMARK --restore-mark ${CONNMARK}`) },
      'iptables -t mangle: no rule with -j CONNMARK --restore-mark for 10.0.0.1/32, as --syn-only has it',
    ],
    [
      'the rule that uses them',
      { rules: without(SYN_ONLY, '-A NFQLB -d 10.0.0.2/32 -m connmark ! --mark 0x0 -j RETURN') },
      'iptables -t mangle: no rule with -j RETURN for 10.0.0.2/32, as --syn-only has it',
    ],
    ['a whole table', dsr(DSR.slice(DSR.indexOf('*filter'))), 'iptables -t mangle: no chain NFQLB'],
    ['a policy rule', { rules: DSR, asked: [2], routed: [1, 2] }, 'IPv4: no policy rule for fwmark 1'],
    ['everything that leads to targets', { rules: DSR }, 'IPv4: neither policy rules nor address translation lead fwmarks to targets'],
    ['a route', { ...dsr(), leads: false }, 'fwmark 1, 2: the route to the target has gone, as it does when its device goes down'],
  ])('%s', (_, four, text) => {
    expect(check(four)).toEqual({ status: 'problem', check: 'set-up', text, remedy: 'nfqlb up again, as before' });
  });

  test('a target in one family', () => {
    expect(check(dsr(), { rules: DSR, asked: [1], routed: [1] })).toMatchObject({
      status: 'problem',
      text: 'IPv6: nothing leads fwmark 2 to a target',
    });
  });

  test('several things', () => {
    const rules = without(DSR, '-A INPUT -j NFQLB', '-A NFQLB -d 10.0.0.2/32 -j NFQUEUE --queue-num 2');
    expect(check({ rules, asked: [2], routed: [1, 2] }).text.split('; ')).toEqual([
      'iptables -t filter: no rule leads from INPUT to the chain NFQLB',
      'iptables -t mangle: no rule with -j NFQUEUE for 10.0.0.2/32',
      'IPv4: no policy rule for fwmark 1',
    ]);
  });
});

describe('left over:', () => {
  const remedy = 'nfqlb up again, as before, or nfqlb down, which takes all of it away';

  test.each<[string, Family, Family]>([
    ['rules and routes without packet rules', { asked: [1], routed: [1] }, {}],
    ['only a route', { routed: [1] }, {}],
    ['policy rules of one family', { asked: [1], routed: [1] }, dsr()],
  ])('%s', (_, four, six) => {
    const finding = check(four, six);
    expect(finding).toMatchObject({ status: 'problem', remedy });
    expect(finding.text).toContain(
      'IPv4: policy rules or routes for fwmark 1 (protocol 142) are there, but no packet rules, as when nfqlb up has failed',
    );
  });

  test('policy rules of an earlier set-up', () => {
    const text = 'IPv4: policy rules or routes for fwmark 1, 16 (protocol 142) are left of a set-up with --mode=dsr';
    expect(check({ rules: NAT, asked: [1, 16], routed: [1, 16] })).toMatchObject({ status: 'problem', text, remedy });
  });
});

test('a table that iptables cannot read because of nftables rules in it', () => {
  const rules = `${DSR.slice(0, DSR.indexOf('*filter'))}# Table \`filter' is incompatible, use 'nft' tool.\n`;
  const text = 'iptables -t filter: rules of nftables are in it, so that iptables can neither read nor change it';
  expect(check(dsr(rules))).toMatchObject({ status: 'problem', text });
  expect(check({ rules: "# Table `filter' is incompatible, use 'nft' tool.\n" })).toMatchObject({ status: 'warning', text });
});

test('rules that nfqlb run keeps are its own business', () => {
  const loadBalancers = [{ queue: 2, status: { command: 'run', keepsSetUp: true } }] as unknown as Facts['loadBalancers'];
  expect(checkSetUp({ loadBalancers } as Facts)).toMatchObject({
    status: 'ok',
    text: 'the load balancer of queue 2 (nfqlb run) keeps it as its file says',
  });
});
