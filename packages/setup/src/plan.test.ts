import { vip } from '@nfqlb/options';
import { describe, expect, test } from 'vitest';
import { planDown, planUp } from './plan.js';
import { parseSavedRoutes } from './policy-routes.js';
import { NOTHING_PRESENT, type Present } from './present.js';
import { parseSavedRules } from './saved-rules.js';
import { composeSetUp, givenTarget, type SetUp } from './set-up.js';
import { formatStep, type Step } from './step.js';

function setUp(targets: readonly string[], options: Partial<SetUp> & { vip?: readonly string[] } = {}): SetUp {
  const { vip: vips = ['10.0.0.1/32'], ...rest } = options;
  const request = {
    mode: 'nat',
    queue: { first: 2, last: 2 },
    traffic: 'forward',
    keepSource: false,
    synOnly: false,
    fast: false,
    ...rest,
  } as const;
  return composeSetUp({ ...request, vips: vips.map(vip), targets: targets.map(givenTarget) });
}

const shell = (steps: readonly Step[]): string => steps.map(formatStep).join('');

describe('up, with nothing set up', () => {
  test('with nat, for forwarded packets', () => {
    expect(shell(planUp([setUp(['192.168.1.1', '102=192.168.1.2'])], NOTHING_PRESENT))).toBe(`\
iptables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*nat
:NFQLB - [0:0]
:NFQLB-SOURCE - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 1 -j DNAT --to-destination 192.168.1.1
-A NFQLB -d 10.0.0.1/32 -m mark --mark 102 -j DNAT --to-destination 192.168.1.2
-A NFQLB-SOURCE -d 192.168.1.1 -m mark --mark 1 -j MASQUERADE
-A NFQLB-SOURCE -d 192.168.1.2 -m mark --mark 102 -j MASQUERADE
-I PREROUTING -j NFQLB
-I POSTROUTING -j NFQLB-SOURCE
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2
-I PREROUTING -j NFQLB
COMMIT
END
`);
  });

  test('for several tables, with both modes: a rule that two of them need is there once', () => {
    const dsr = { mode: 'dsr', vip: ['10.0.0.1/32'] } as const;
    const all = [
      setUp(['101=192.168.1.1', '102=192.168.1.2'], dsr),
      setUp(['102=192.168.1.2'], dsr),
      setUp(['201=192.168.1.3', '201=fd00::3'], { vip: ['10.0.0.2/32', '1000::2/128'], synOnly: true }),
    ];
    expect(shell(planUp(all, NOTHING_PRESENT))).toBe(`\
ip -4 -batch - <<'END'
route replace default via 192.168.1.1 table 1420000101 protocol 142
route replace unreachable default metric 14200 table 1420000101 protocol 142
rule add priority 14200 fwmark 101 table 1420000101 protocol 142
route replace default via 192.168.1.2 table 1420000102 protocol 142
route replace unreachable default metric 14200 table 1420000102 protocol 142
rule add priority 14200 fwmark 102 table 1420000102 protocol 142
END
iptables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0 -j DROP
-A NFQLB -d 10.0.0.2/32 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*nat
:NFQLB - [0:0]
:NFQLB-SOURCE - [0:0]
-A NFQLB -d 10.0.0.2/32 -m mark ! --mark 0 -j CONNMARK --save-mark
-A NFQLB -d 10.0.0.2/32 -m mark --mark 201 -j DNAT --to-destination 192.168.1.3
-A NFQLB-SOURCE -d 192.168.1.3 -m mark --mark 201 -j MASQUERADE
-I PREROUTING -j NFQLB
-I POSTROUTING -j NFQLB-SOURCE
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.2/32 -m connmark ! --mark 0 -j CONNMARK --restore-mark
-A NFQLB -d 10.0.0.2/32 -m connmark ! --mark 0 -j RETURN
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2
-A NFQLB -d 10.0.0.2/32 -j NFQUEUE --queue-num 2
-I PREROUTING -j NFQLB
COMMIT
END
ip6tables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 1000::2/128 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*nat
:NFQLB - [0:0]
:NFQLB-SOURCE - [0:0]
-A NFQLB -d 1000::2/128 -m mark ! --mark 0 -j CONNMARK --save-mark
-A NFQLB -d 1000::2/128 -m mark --mark 201 -j DNAT --to-destination fd00::3
-A NFQLB-SOURCE -d fd00::3 -m mark --mark 201 -j MASQUERADE
-I PREROUTING -j NFQLB
-I POSTROUTING -j NFQLB-SOURCE
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 1000::2/128 -m connmark ! --mark 0 -j CONNMARK --restore-mark
-A NFQLB -d 1000::2/128 -m connmark ! --mark 0 -j RETURN
-A NFQLB -d 1000::2/128 -j NFQUEUE --queue-num 2
-I PREROUTING -j NFQLB
COMMIT
END
`);
  });

  test('with dsr, for several VIPs of both families and several queues', () => {
    const options = { mode: 'dsr', vip: ['10.0.0.1/32', '10.1.0.0/24', '1000::/112'], queue: { first: 0, last: 3 } } as const;
    expect(shell(planUp([setUp(['101=192.168.1.1', '101=fd00::1'], options)], NOTHING_PRESENT))).toBe(`\
ip -4 -batch - <<'END'
route replace default via 192.168.1.1 table 1420000101 protocol 142
route replace unreachable default metric 14200 table 1420000101 protocol 142
rule add priority 14200 fwmark 101 table 1420000101 protocol 142
END
ip -6 -batch - <<'END'
route replace default via fd00::1 table 1420000101 protocol 142
route replace unreachable default metric 14200 table 1420000101 protocol 142
rule add priority 14200 fwmark 101 table 1420000101 protocol 142
END
iptables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0 -j DROP
-A NFQLB -d 10.1.0.0/24 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-balance 0:3
-A NFQLB -d 10.1.0.0/24 -j NFQUEUE --queue-balance 0:3
-I PREROUTING -j NFQLB
COMMIT
END
ip6tables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 1000::/112 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 1000::/112 -j NFQUEUE --queue-balance 0:3
-I PREROUTING -j NFQLB
COMMIT
END
`);
  });

  test('with a fragment queue, whose rules come first', () => {
    const options = { mode: 'dsr', vip: ['10.0.0.1/32', '10.0.0.0/24', '1000::/112'], fragmentQueue: 3 } as const;
    const text = shell(planUp([setUp(['101=192.168.1.1', '101=fd00::1'], options)], NOTHING_PRESENT));
    expect(text.match(/^.* -j NFQUEUE .*$/gm)).toEqual([
      '-A NFQLB -d 10.0.0.1/32 -m u32 --u32 "4&0x3FFF=1:0x3FFF" -j NFQUEUE --queue-num 3',
      '-A NFQLB -d 10.0.0.0/24 -m u32 --u32 "4&0x3FFF=1:0x3FFF" -j NFQUEUE --queue-num 3',
      '-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2',
      '-A NFQLB -d 10.0.0.0/24 -j NFQUEUE --queue-num 2',
      '-A NFQLB -d 1000::/112 -m frag -j NFQUEUE --queue-num 3',
      '-A NFQLB -d 1000::/112 -j NFQUEUE --queue-num 2',
    ]);
  });

  test('with nat and syn-only: known connections bypass the queue, fwmarks of new ones are saved before translation', () => {
    const options = { synOnly: true, vip: ['10.0.0.1/32', '1000::1/128'] } as const;
    const text = shell(planUp([setUp(['192.168.1.1', 'fd00::1'], options)], NOTHING_PRESENT));
    expect(text.match(/^(?:\*.*|-A NFQLB .*(?:CONNMARK|RETURN|DNAT|NFQUEUE).*)$/gm)).toEqual(
      [
        ['10.0.0.1/32', '192.168.1.1'],
        ['1000::1/128', 'fd00::1'],
      ].flatMap(([address, target]) => [
        '*filter',
        '*nat',
        `-A NFQLB -d ${address} -m mark ! --mark 0 -j CONNMARK --save-mark`,
        `-A NFQLB -d ${address} -m mark --mark 1 -j DNAT --to-destination ${target}`,
        '*mangle',
        `-A NFQLB -d ${address} -m connmark ! --mark 0 -j CONNMARK --restore-mark`,
        `-A NFQLB -d ${address} -m connmark ! --mark 0 -j RETURN`,
        `-A NFQLB -d ${address} -j NFQUEUE --queue-num 2`,
      ]),
    );
  });

  test('with nat, for programs on this machine: source addresses are kept', () => {
    const text = shell(planUp([setUp(['192.168.1.1'], { traffic: 'local' })], NOTHING_PRESENT));
    expect(text.match(/^-I .*$/gm)).toEqual(['-I OUTPUT -j NFQLB', '-I OUTPUT -j NFQLB', '-I OUTPUT -j NFQLB']);
    expect(text).not.toContain('MASQUERADE');
  });

  test('with nat and keepSource', () => {
    const text = shell(planUp([setUp(['192.168.1.1'], { keepSource: true })], NOTHING_PRESENT));
    expect(text).not.toMatch(/MASQUERADE|POSTROUTING|SOURCE/);
    expect(text).toContain('DNAT');
  });
});

describe('up, replacing another set-up', () => {
  const present = (four: { saved?: string; rules?: string; routes?: string }): Present => ({
    ...NOTHING_PRESENT,
    4: { rules: parseSavedRules(four.saved ?? ''), routes: parseSavedRoutes(four.rules ?? '', four.routes ?? '') },
  });

  test('keeps what is unchanged and removes the rest, each table at once', () => {
    const saved = `\
*mangle
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:NFQLB - [0:0]
-A PREROUTING -j NFQLB
-A OUTPUT -p tcp -j NFQLB
-A NFQLB -d 10.0.0.9/32 -j NFQUEUE --queue-num 9
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:NFQLB - [0:0]
:NFQLB-SOURCE - [0:0]
-A PREROUTING -j NFQLB
-A PREROUTING -j NFQLB
-A POSTROUTING -j NFQLB-SOURCE
COMMIT
`;
    expect(shell(planUp([setUp(['192.168.1.1'], { keepSource: true })], present({ saved })))).toBe(`\
iptables-restore --wait --noflush <<'END'
*filter
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0 -j DROP
-I FORWARD -j NFQLB
-I INPUT -j NFQLB
COMMIT
*nat
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -m mark --mark 1 -j DNAT --to-destination 192.168.1.1
-D PREROUTING -j NFQLB
-D POSTROUTING -j NFQLB-SOURCE
-F NFQLB-SOURCE
-X NFQLB-SOURCE
COMMIT
*mangle
:NFQLB - [0:0]
-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2
-D OUTPUT -p tcp -j NFQLB
COMMIT
END
`);
  });

  test('clears tables that are no longer needed, the queue first', () => {
    const saved = '*nat\n:NFQLB - [0:0]\nCOMMIT\n*filter\n:NFQLB - [0:0]\nCOMMIT\n*mangle\n:NFQLB - [0:0]\nCOMMIT\n';
    const options = { vip: ['1000::1/128'], mode: 'dsr' } as const;
    expect(shell(planUp([setUp(['fd00::1'], options)], present({ saved })))).toContain(`\
iptables-restore --wait --noflush <<'END'
*mangle
-F NFQLB
-X NFQLB
COMMIT
*nat
-F NFQLB
-X NFQLB
COMMIT
*filter
-F NFQLB
-X NFQLB
COMMIT
END
`);
  });

  test('adds missing policy rules, and removes old ones last', () => {
    const rules = JSON.stringify([
      { priority: 0, src: 'all', table: '255' },
      { priority: 14200, src: 'all', fwmark: '0x65', table: '1420000101', protocol: '142' },
      { priority: 14200, src: 'all', fwmark: '0x66', table: '1420000102', protocol: '142' },
      { priority: 14201, src: 'all', fwmark: '0x65', table: '1420000101', protocol: '142' },
      { priority: 200, src: 'all', fwmark: '0x65', table: '101', protocol: '3' },
      { priority: 32766, src: 'all', table: '254' },
    ]);
    const routes = JSON.stringify([
      { dst: 'default', gateway: '192.168.1.1', table: '1420000101' },
      { type: '7', dst: 'default', table: '1420000102', metric: 14200 },
      { dst: 'default', gateway: '192.168.1.2', table: '1420000102' },
    ]);
    const steps = planUp([setUp(['101=192.168.1.7', '103=192.168.1.3'], { mode: 'dsr' })], present({ rules, routes }));
    expect(steps.map(({ command }) => command[0])).toEqual(['ip', 'iptables-restore', 'ip']);
    expect(steps[0]?.input).toEqual([
      'route replace default via 192.168.1.7 table 1420000101 protocol 142',
      'route replace unreachable default metric 14200 table 1420000101 protocol 142',
      'route replace default via 192.168.1.3 table 1420000103 protocol 142',
      'route replace unreachable default metric 14200 table 1420000103 protocol 142',
      'rule add priority 14200 fwmark 103 table 1420000103 protocol 142',
    ]);
    expect(steps[2]?.input).toEqual([
      'rule delete priority 14200 fwmark 102 table 1420000102 protocol 142',
      'rule delete priority 14201 fwmark 101 table 1420000101 protocol 142',
      'route flush table 1420000102 protocol 142',
    ]);
  });
});

describe('down', () => {
  test('does nothing when nothing is set up', () => {
    expect(planDown(NOTHING_PRESENT)).toEqual([]);
  });

  test('leaves chains, rules and routes of others alone', () => {
    const saved = `\
*filter
:FORWARD ACCEPT [0:0]
:NFQLB2 - [0:0]
-A FORWARD -j NFQLB2
-A NFQLB2 -m comment --comment "not -j NFQLB" -j ACCEPT
COMMIT
`;
    const family = { rules: parseSavedRules(saved), routes: parseSavedRoutes('[{"priority":7,"fwmark":"0x1","table":"7"}]', '') };
    expect(planDown({ 4: family, 6: family, programs: [] })).toEqual([]);
  });

  test('removes the queue first and the guard last, then policy rules and routes, for both families', () => {
    const saved = `\
*filter
:INPUT ACCEPT [0:0]
:NFQLB - [0:0]
-A INPUT -j NFQLB
-A INPUT -m comment --comment "a guest" -g NFQLB
-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x0 -j DROP
COMMIT
*mangle
:NFQLB - [0:0]
-A PREROUTING -j NFQLB
COMMIT
`;
    const rules = JSON.stringify([{ priority: 14200, src: 'all', fwmark: '0x1', table: '1420000001', protocol: '142' }]);
    const family = { rules: parseSavedRules(saved), routes: parseSavedRoutes(rules, '[{"dst":"default","table":"1420000001"}]') };
    const restore = (program: string): string => `\
${program} --wait --noflush <<'END'
*mangle
-D PREROUTING -j NFQLB
-F NFQLB
-X NFQLB
COMMIT
*filter
-D INPUT -j NFQLB
-D INPUT -m comment --comment "a guest" -g NFQLB
-F NFQLB
-X NFQLB
COMMIT
END
`;
    const batch = (option: string): string => `\
ip ${option} -batch - <<'END'
rule delete priority 14200 fwmark 1 table 1420000001 protocol 142
route flush table 1420000001 protocol 142
END
`;
    expect(shell(planDown({ 4: family, 6: family, programs: [] }))).toBe(
      `${restore('iptables-restore')}${restore('ip6tables-restore')}${batch('-4')}${batch('-6')}`,
    );
  });
});

describe('with the fast path', () => {
  test('only packets that the kernel’s program has not decided are queued, in every mode', () => {
    const options = { fast: true, vip: ['10.0.0.1/32', '1000::1/128'] } as const;
    const rules = (more: Partial<SetUp>): string[] =>
      shell(planUp([setUp(['1=192.168.1.1', '1=fd00::1'], { ...options, ...more })], NOTHING_PRESENT)).match(/^-A NFQLB .*NFQUEUE.*$/gm) ??
      [];
    const plain = ['10.0.0.1/32', '1000::1/128'].map((vip) => `-A NFQLB -d ${vip} -m mark --mark 0 -j NFQUEUE --queue-num 2`);
    expect(rules({})).toEqual(plain);
    expect(rules({ mode: 'dsr' })).toEqual(plain);
    expect(rules({ synOnly: true })).toEqual(plain);
    expect(rules({ mode: 'dsr', fragmentQueue: 3 })[0]).toBe(
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0 -m u32 --u32 "4&0x3FFF=1:0x3FFF" -j NFQUEUE --queue-num 3',
    );
  });

  test('down removes a program that nobody manages, first of all; not that of a load balancer that runs', () => {
    const program = { interface: 'eth0', by: 'tcx', isManaged: false, pins: '/sys/fs/bpf/nfqlb/net1_if2' } as const;
    const present = (isManaged: boolean): Present => ({ ...NOTHING_PRESENT, programs: [{ ...program, isManaged }] });
    expect(planDown(present(false)).map(formatStep)).toEqual(['rm -r /sys/fs/bpf/nfqlb/net1_if2 # the fast path at eth0\n']);
    expect(planDown(present(true))).toEqual([]);
  });
});

describe('the ways to targets of an earlier program stay', () => {
  const saved = (nat: string, rules: string, routes: string): Present => ({
    ...NOTHING_PRESENT,
    4: { rules: parseSavedRules(nat), routes: parseSavedRoutes(rules, routes) },
  });

  test('routes, and their policy rules', () => {
    const policy = '[{"priority":14200,"fwmark":"0x65","table":"1420000101","protocol":"142"}]';
    const before = saved('', policy, '[{"table":"1420000101","gateway":"192.168.1.1"}]');
    const dsr = [setUp(['102=192.168.1.2'], { mode: 'dsr' })];
    expect(shell(planUp(dsr, before))).toContain('table 1420000101');
    expect(shell(planUp(dsr, before, true))).not.toContain('table 1420000101');
  });

  test('translations, behind those that are declared; not those of a fwmark that is', () => {
    const lines = [
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x65 -j DNAT --to-destination 192.168.1.1',
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 0x66 -j DNAT --to-destination 192.168.1.9',
      '-A NFQLB -d 10.0.0.1/32 -m mark ! --mark 0x0 -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff',
      '-A NFQLB-SOURCE -d 192.168.1.1/32 -m mark --mark 0x65 -j MASQUERADE',
    ];
    const before = saved(`*nat\n:NFQLB - [0:0]\n:NFQLB-SOURCE - [0:0]\n${lines.join('\n')}\nCOMMIT\n`, '', '');
    const nat = shell(planUp([setUp(['102=192.168.1.2'])], before, true))
      .split('*nat')[1]!
      .split('COMMIT')[0]!;
    expect(nat.split('\n').filter((line) => line.startsWith('-A'))).toEqual([
      '-A NFQLB -d 10.0.0.1/32 -m mark --mark 102 -j DNAT --to-destination 192.168.1.2',
      lines[0],
      '-A NFQLB-SOURCE -d 192.168.1.2 -m mark --mark 102 -j MASQUERADE',
      lines[3],
    ]);
  });
});
