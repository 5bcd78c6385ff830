import { type Cidr, cidrContains, parseCidr } from '@nfqlb/core/address';
import { defineFlow, FlowSet } from '@nfqlb/core/flows';
import { anyPacket, flowLists, type NaiveFlow, naiveFlow, packet, runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { walk } from '../testing/walk.js';
import { type CompileOptions, compileFlows } from './compile-flows.js';
import type { Decision } from './decision.js';

const ALL = ['0.0.0.0/0', '::/0'];
const cidrs = (texts: readonly string[]): Cidr[] => texts.map((text) => parseCidr(text)!);

function compiled(flows: readonly NaiveFlow[], options: Partial<CompileOptions> = {}): Decision {
  const set = new FlowSet(flows.map((flow) => defineFlow({ target: `for-${flow.name}`, ...flow })));
  return compileFlows(set, { vips: cidrs(ALL), ...options });
}

/** Whether a flow with a byte match may come before this one. */
function isBelowMatch(flows: readonly NaiveFlow[], name: string): boolean {
  const { priority = 0 } = flows.find((flow) => flow.name === name)!;
  return flows.some((flow) => (flow.match ?? []).length > 0 && (flow.priority ?? 0) >= priority);
}

const tcp = (destination: string, port: number, source = '10.9.9.9', sport = 4711): Uint8Array =>
  packet().ipv4(source, destination).tcp(sport, port).build();

test('any packet gets the same flow as in a naive walk, for any flows, or goes to the queue because of a byte match, SCTP in UDP or ping', () => {
  const seen = { flow: 0, none: 0, queue: 0 };
  fc.assert(
    fc.property(flowLists, fc.array(anyPacket, { minLength: 10, maxLength: 10 }), fc.boolean(), (list, packets, promiscuousPing) => {
      const decision = compiled(list, { promiscuousPing });
      for (const octets of packets) {
        const found = walk(decision, octets);
        if (found === '(unusual)') continue;
        const expected = naiveFlow(list, octets, octets[0]! >> 4 === 6, promiscuousPing);
        const isQueued = ['(ping)', '(byte-match)', '(sctp-in-udp)'].includes(found);
        seen[isQueued ? 'queue' : expected === undefined ? 'none' : 'flow']++;
        if (!isQueued) expect(found).toBe(expected ?? '(no-flow)');
        if (found === '(byte-match)') expect(list.some(({ match = [] }) => match.length > 0)).toBe(true);
        if (found === '(sctp-in-udp)') expect(list.some(({ udpencap = 0 }) => udpencap > 0)).toBe(true);
        if (found === '(ping)') expect(promiscuousPing).toBe(true);
      }
    }),
    { numRuns: runs(400) },
  );
  // The generators must produce all three often.
  expect(Math.min(seen.flow, seen.none, seen.queue)).toBeGreaterThan(100);
}, 60_000);

test('with little room, packets go to the queue rather than to another flow, and their flows are named', () => {
  let unfit = 0;
  fc.assert(
    fc.property(flowLists, fc.array(anyPacket, { minLength: 10, maxLength: 10 }), fc.nat(60), (list, packets, maxBranches) => {
      const decision = compiled(list, { maxBranches });
      const named = new Set(decision.unfit.map(({ name }) => name));
      for (const octets of packets) {
        const found = walk(decision, octets);
        if (found === '(unusual)' || found === '(byte-match)' || found === '(sctp-in-udp)') continue;
        const expected = naiveFlow(list, octets, octets[0]! >> 4 === 6, false);
        if (found !== '(unfit)') expect(found).toBe(expected ?? '(no-flow)');
        // Below a byte match there is no room to lack: its packets go to the queue.
        else if (expected !== undefined && !isBelowMatch(list, expected)) expect(named).toContain(expected);
        if (found === '(unfit)') unfit++;
      }
    }),
    { numRuns: runs(200) },
  );
  expect(unfit).toBeGreaterThan(50);
}, 60_000);

describe('VIPs', () => {
  test('packets to other addresses are left alone, whatever the flows say', () => {
    fc.assert(
      fc.property(flowLists, fc.array(anyPacket, { minLength: 10, maxLength: 10 }), (list, packets) => {
        const vips = cidrs(['10.0.0.0/31', '10.0.1.0/24', '2001:db8::/47', '2001:db8::1/128']);
        const some = compiled(list, { vips });
        const all = compiled(list);
        for (const octets of packets) {
          const found = walk(all, octets);
          if (found === '(unusual)') continue;
          const to =
            octets[0]! >> 4 === 6
              ? octets.slice(24, 40)
              : Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...octets.slice(16, 20)]);
          const family = octets[0]! >> 4 === 6;
          const isVip = vips.some(
            (vip) => cidrContains(vip, to) && family === to.slice(0, 12).some((octet, i) => octet !== (i < 10 ? 0 : 255)),
          );
          expect(walk(some, octets)).toBe(isVip ? found : '(other)');
        }
      }),
      { numRuns: runs(150) },
    );
  });

  test('a flow for a network around a VIP applies to the VIP, one inside it to a part', () => {
    const decision = compiled(
      [
        { name: 'around', dsts: ['10.0.0.0/8'] },
        { name: 'inside', dsts: ['10.1.0.7/32'], priority: 1 },
      ],
      {
        vips: cidrs(['10.1.0.0/24']),
      },
    );
    expect(['10.1.0.7', '10.1.0.8', '10.2.0.7'].map((to) => walk(decision, tcp(to, 80)))).toEqual(['inside', 'around', '(other)']);
  });

  test('of more than 16 prefix lengths, those of the rarest are left to the queue', () => {
    const vips = cidrs([
      ...Array.from({ length: 17 }, (_, i) => `10.${i}.0.0/${16 + (i % 17)}`).filter((text) => !text.endsWith('/33')),
      '10.200.0.0/16',
    ]);
    const decision = compiled([{ name: 'all' }], { vips });
    const found = vips.map(({ network }) => walk(decision, tcp([...network.slice(12)].join('.'), 80)));
    expect(found.filter((each) => each === '(other)')).toHaveLength(1);
    expect(found.filter((each) => each === 'all')).toHaveLength(vips.length - 1);
  });
});

describe('precedence', () => {
  test('a byte match of higher priority keeps what it may match from all below, and nothing else', () => {
    const decision = compiled([
      { name: 'syn', priority: 9, match: ['tcp[13:1] & 0x02 = 2'], dsts: ['10.0.0.1/32'], dports: ['80'] },
      { name: 'web', priority: 5, protocols: ['tcp'] },
      { name: 'rest' },
    ]);
    expect([
      walk(decision, tcp('10.0.0.1', 80)),
      walk(decision, tcp('10.0.0.1', 81)),
      walk(decision, tcp('10.0.0.2', 80)),
      walk(decision, packet().ipv4('10.9.9.9', '10.0.0.1').udp(4711, 80).build()),
    ]).toEqual(['(byte-match)', 'web', 'web', 'syn']);
    expect(decision.unfit).toEqual([{ name: 'syn', why: 'match' }]);
  });

  test('a byte match of lower priority changes nothing above it', () => {
    const decision = compiled([
      { name: 'web', priority: 5, protocols: ['tcp'], dports: ['80'] },
      { name: 'syn', match: ['tcp[13:1] & 0x02 = 2'] },
    ]);
    expect([walk(decision, tcp('10.0.0.1', 80)), walk(decision, tcp('10.0.0.1', 81))]).toEqual(['web', '(byte-match)']);
  });
});

describe('room', () => {
  const vip = (i: number): string => `10.1.${i >> 8}.${i & 255}`;

  test.each<[string, (i: number) => Partial<NaiveFlow>, (i: number) => Uint8Array]>([
    ['VIPs', (i) => ({ dsts: [`${vip(i)}/32`] }), (i) => tcp(vip(i), 80)],
    ['VIPs × ports', (i) => ({ dsts: [`${vip(i % 100)}/32`], dports: [`${1000 + i}`] }), (i) => tcp(vip(i % 100), 1000 + i)],
    ['ports of one VIP', (i) => ({ dports: [`${1000 + i}`] }), (i) => tcp(vip(0), 1000 + i)],
    ['sources', (i) => ({ srcs: [`${vip(i)}/32`] }), (i) => tcp('10.0.0.1', 80, vip(i))],
    [
      'ranges of ports',
      (i) => ({ dsts: [`${vip(i % 1000)}/32`], dports: [`${1 + 100 * (i % 97)}-${90 + 100 * (i % 97)}`] }),
      (i) => tcp(vip(i % 1000), 50 + 100 * (i % 97)),
    ],
  ])('10,000 flows of %s fit', (_name, fields, made) => {
    const flows = Array.from(
      { length: 10_000 },
      (_, i): NaiveFlow => ({ name: `f${String(i).padStart(5, '0')}`, protocols: ['tcp'], ...fields(i) }),
    );
    const decision = compiled(flows);
    expect(decision.unfit).toEqual([]);
    for (const i of [0, 1, 99, 4567]) {
      expect(walk(decision, made(i))).toBe(naiveFlow(flows, made(i), false, false));
    }
  });

  test('is limited: flows of ports and sources that all overlap go to the queue', () => {
    const flows = Array.from({ length: 2_000 }, (_, i): NaiveFlow => {
      return {
        name: `f${i}`,
        priority: i,
        srcs: [`${vip(i)}/${20 + (i % 13)}`],
        dports: [`${1 + i}-${30_000 + i}`],
        sports: [`${1 + i}-${30_000 + i}`],
      };
    });
    const decision = compiled(flows);
    expect(decision.unfit.length).toBeGreaterThan(1_000);
    expect(decision.unfit[0]!.why).toBe('room');
    expect(walk(decision, tcp('10.0.0.1', 29_000, vip(5), 29_000))).toBe('(unfit)');
    expect(decision.branches.words.byteLength).toBeLessThan(2 ** 25);
  });

  test('of prefix lengths is limited: more than 16 of destinations go to the queue', () => {
    const flows = Array.from({ length: 20 }, (_, i): NaiveFlow => ({ name: `f${i}`, dsts: [`10.0.0.0/${10 + i}`] }));
    const decision = compiled([...flows, { name: 'six', dsts: ['::/0'] }]);
    expect(walk(decision, tcp('10.0.0.1', 80))).toBe('(unfit)');
    expect(walk(decision, packet().ipv6('::2', '::1').udp(1, 2).build())).toBe('six');
    expect(decision.unfit.map(({ name }) => name).sort()).toEqual(flows.map(({ name }) => name).sort());
  });
});

test('indexes of flows and tables are those of core', () => {
  const decision = compiled([
    { name: 'b', priority: 1 },
    { name: 'a', protocols: ['sctp'], udpencap: 9899 },
  ]);
  expect(decision.names).toEqual(['b', '#a', 'a']);
  expect([decision.targets, [...decision.tables]]).toEqual([
    ['for-b', 'for-a'],
    [0, 1, 1],
  ]);
});
