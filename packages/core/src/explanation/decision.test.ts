import { describe, expect, test } from 'vitest';
import { Balancer, type BalancerOptions } from '../balancer.js';
import { FlowBalancer } from '../flow-balancer.js';
import { compileFlows, defineFlow, type FlowDefinition, FlowLookup, FlowSet } from '../flows/index.js';
import { FragmentTable } from '../fragments/fragment-table.js';
import { STATISTICS_LENGTH } from '../fragments/statistics.js';
import { FwmarkLookup } from '../maglev/fwmark-lookup.js';
import { TargetTable } from '../maglev/target-table.js';
import { type PacketBuilder, packet } from '../packet-builder/index.js';
import { REASON_NAMES, type Reason } from '../reason.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { ConnectionSet } from '../transition/connection-set.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { type DecisionNames, decisionOf, describeDecision } from './decision.js';

const SIZE = { M: 97, N: 4 };

function tableOf(...fwmarks: readonly number[]): FwmarkLookup {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
  table.activate(fwmarks.map((fwmark) => ({ fwmark })));
  return new FwmarkLookup(table);
}

function fragmentTable(stored = 4): FragmentTable {
  const options = { size: 7, buckets: 0, fragments: stored, mtu: 600, ttl: 1000, holes: 0 };
  return new FragmentTable(FragmentTable.createMemory(options, HASH_KEY), options, new Uint32Array(STATISTICS_LENGTH / 4));
}

/** A load balancer just after target 101 has been replaced by 102, with a drain. */
function inTransition(): Balancer {
  const connections = new ConnectionSet(ConnectionSet.createMemory({}, HASH_KEY));
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
  table.activate([{ fwmark: 101 }]);
  table.setTargets([{ fwmark: 102 }], { now: 0, seconds: 30 });
  return new Balancer(new FwmarkLookup(table, connections), { connections });
}

/** Description of the decision about the last of these packets. */
function describeLast(balancer: Balancer, packets: readonly PacketBuilder[], names: DecisionNames = {}): string {
  let fwmark = 0;
  for (const builder of packets) {
    const bytes = builder.build();
    balancer.refresh();
    fwmark = balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : bytes[0]! >> 4 === 4 ? ETH_P_IP : 0x0806);
  }
  return describeDecision(decisionOf(balancer, fwmark, 1, names));
}

function flowBalancer(flow: FlowDefinition, table: FwmarkLookup | undefined, options: BalancerOptions = {}): FlowBalancer {
  const lookup = new FlowLookup(compileFlows(new FlowSet([defineFlow(flow)])));
  return new FlowBalancer(
    { lookup, tables: [table], matches: new Float64Array(lookup.count), octets: new Float64Array(lookup.count) },
    options,
  );
}

const ip = packet().ipv4('10.0.0.2', '10.0.0.1');
const udp = ip.udp(4711, 5001);
const tcp = ip.tcp(4711, 80);
const first = ip.fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).payload(56);
const later = ip.fragment({ id: 7, offset: 64, more: false }).protocol(17).payload(64);
const WEB: FlowDefinition = { name: 'web', target: 'w', protocols: 'udp', dports: '5001' };
const NAMES = { flow: 'web', table: 'w' };

test('the numbers for a balanced packet lead from its hash to its target', () => {
  const table = tableOf(101, 102);
  const text = describeLast(flowBalancer(WEB, table), [udp], NAMES);
  const [, hash, M, bucket, fwmark] =
    /^balanced: flow web, table w, hash 0x([0-9a-f]{8}) mod (\d+) = bucket (\d+) -> fwmark (\d+)$/.exec(text) ?? [];
  expect(Number(M)).toBe(97);
  expect(Number.parseInt(hash!, 16) % 97).toBe(Number(bucket));
  expect(table.fwmarks[Number(bucket)]).toBe(Number(fwmark));
});

describe('each reason', () => {
  const one = (...fwmarks: number[]) => tableOf(...fwmarks);
  test.each<[Reason | string, () => string, string | RegExp]>([
    ['balanced', () => describeLast(new Balancer(one(101)), [udp]), /^balanced: hash 0x[0-9a-f]{8} mod 97 = bucket \d+ -> fwmark 101$/],
    [
      'balanced',
      () => describeLast(new Balancer(one(101)), [ip.sctp(1, 2)], { table: 'nfqlb' }),
      /^balanced: table nfqlb, hash of the ports 0x[0-9a-f]{8} mod 97/,
    ],
    [
      'former-target',
      () => describeLast(inTransition(), [tcp], { table: 'w' }),
      /^balanced: table w, hash 0x[0-9a-f]{8} mod 97 = bucket \d+, where targets change: not a new connection -> former fwmark 101$/,
    ],
    [
      'connection-known',
      () => describeLast(inTransition(), [tcp, tcp]),
      /^balanced: hash 0x[0-9a-f]{8} mod 97 = bucket \d+, where targets change: a remembered connection -> fwmark 101$/,
    ],
    [
      'fragment-known',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable() }), [first, later], NAMES),
      'balanced: a later fragment, goes where its first went -> fwmark 101',
    ],
    [
      'fragment-to-tier',
      () => describeLast(new Balancer(one(101), { tier: one(201), fragments: fragmentTable() }), [later], NAMES),
      'to the tier: a fragment, which the hash of its addresses gives to another load balancer -> fwmark 201',
    ],
    [
      'fragment-stored',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable() }), [later]),
      'stored: a fragment that came before its first',
    ],
    [
      'fragment-no-room',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable(0) }), [later]),
      'dropped: a fragment that came before its first, and no room to store it',
    ],
    [
      'fragment-no-room',
      () => describeLast(new Balancer(one(101)), [first]),
      'dropped: a first fragment, and no room to keep in mind where it goes',
    ],
    [
      'fragment-poisoned',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable(0) }), [later, later]),
      'dropped: a fragment whose datagram has lost another',
    ],
    [
      'fragment-poisoned',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable(0) }), [later, first], NAMES),
      'dropped: a first fragment that came twice, or whose datagram has lost another',
    ],
    [
      'fragment-too-long',
      () => describeLast(new Balancer(one(101), { fragments: fragmentTable() }), [later.payload(800)]),
      'dropped: a fragment that came before its first, and is too long to be stored (mtu)',
    ],
    [
      'no-target',
      () => describeLast(new Balancer(one()), [udp], { table: 'w' }),
      /^dropped: no target: table w, hash 0x[0-9a-f]{8} mod 97 = bucket \d+, which has none$/,
    ],
    [
      'no-target',
      () => describeLast(new Balancer(one(), { noTargetsFwmark: 9 }), [udp]),
      /^no target: hash .* which has none -> fwmark 9, that of notargets_fwmark$/,
    ],
    ['no-target', () => describeLast(flowBalancer(WEB, undefined), [udp], NAMES), 'dropped: no target: flow web, table w is gone'],
    ['no-flow', () => describeLast(flowBalancer(WEB, one(101)), [ip.udp(1, 2)], NAMES), 'dropped: no flow matches'],
    [
      'no-flow',
      () => describeLast(flowBalancer(WEB, one(101), { noFlowFwmark: 8 }), [ip.udp(1, 2)]),
      'no flow matches -> fwmark 8, that of nolb_fwmark',
    ],
    [
      'malformed',
      () => describeLast(new Balancer(one(101)), [udp.cut(22)]),
      'dropped: malformed: its headers end early or contradict each other',
    ],
    ['not-ip', () => describeLast(new Balancer(one(101)), [packet().payload(Uint8Array.of(0, 1))]), 'dropped: neither IPv4 nor IPv6'],
  ])('%s', (reason, text, expected) => {
    expect(REASON_NAMES).toContain(reason);
    expect(text()).toMatch(typeof expected === 'string' ? new RegExp(`^${expected.replace(/[()]/g, '\\$&')}$`) : expected);
  });
});

test('control characters in names are escaped', () => {
  const text = describeLast(flowBalancer({ ...WEB, target: 'w' }, tableOf(101)), [udp], { flow: 'web', table: 'a\x1b[2J\nb\u202e\u0085' });
  expect(text).toContain('table a\\x1b[2J\\x0ab\\u202e\\x85,');
});
