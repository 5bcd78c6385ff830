import { describe, expect, test } from 'vitest';
import type { BalancerOptions } from './balancer.js';
import { FlowBalancer } from './flow-balancer.js';
import { compileFlows, defineFlow, type FlowDefinition, FlowLookup, FlowSet, NO_FLOW } from './flows/index.js';
import { FragmentTable } from './fragments/fragment-table.js';
import { STATISTICS_LENGTH } from './fragments/statistics.js';
import { Kind } from './key/kind.js';
import { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { TargetTable } from './maglev/target-table.js';
import { DROP } from './packet-batch.js';
import { type PacketBuilder, packet } from './packet-builder/index.js';
import { REASON_NAMES } from './reason.js';
import { fragments } from './testing/fragments.js';
import { HASH_KEY } from './testing/naive-fragments.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';

const SIZE = { M: 97, N: 4 };

function tableOf(...fwmarks: readonly number[]): TargetTable {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
  table.activate(fwmarks.map((fwmark) => ({ fwmark })));
  return table;
}

/** A balancer with these flows, and tables by name. */
function balancing(
  flows: readonly FlowDefinition[],
  tables: Readonly<Record<string, TargetTable>>,
  options: BalancerOptions = {},
): {
  balancer: FlowBalancer;
  matches: () => Record<string, number>;
  octets: Float64Array;
  decide: (builder: PacketBuilder) => [number, string];
} {
  const lookup = new FlowLookup(compileFlows(new FlowSet(flows.map(defineFlow))));
  const counts = new Float64Array(lookup.count);
  const octets = new Float64Array(lookup.count);
  const balancer = new FlowBalancer(
    { lookup, tables: lookup.targetNames.map((name) => tables[name] && new FwmarkLookup(tables[name])), matches: counts, octets },
    options,
  );
  return {
    balancer,
    octets,
    matches: () => Object.fromEntries(Array.from(counts, (count, flow) => [lookup.nameOf(flow), count])),
    decide: (builder) => {
      const bytes = builder.build();
      balancer.refresh();
      const fwmark = balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
      return [fwmark, REASON_NAMES[balancer.reason]!];
    },
  };
}

const tcp = (port: number): PacketBuilder => packet().ipv4('10.0.0.2', '10.0.0.1').tcp(4711, port);
const WEB: FlowDefinition = { name: 'web', target: 'w', priority: 10, protocols: 'tcp', dports: '80,443' };
const REST: FlowDefinition = { name: 'rest', target: 'r' };

test('a packet goes to a target of its flow’s table, and is counted', () => {
  const { decide, matches, balancer } = balancing([WEB, REST], { w: tableOf(101), r: tableOf(201) });
  expect([decide(tcp(80)), decide(tcp(443)), decide(tcp(81))]).toEqual([
    [101, 'balanced'],
    [101, 'balanced'],
    [201, 'balanced'],
  ]);
  expect(balancer.flow).toBe(1);
  expect(matches()).toEqual({ web: 2, rest: 1 });
});

test('a flow’s octets are those of whole packets, even if they were truncated', () => {
  const { balancer, octets } = balancing([REST], { r: tableOf(201) });
  const four = tcp(80).payload(new Uint8Array(1000)).build();
  const six = packet().ipv6('fd00::2', 'fd00::1').udp(4711, 80).payload(new Uint8Array(500)).build();
  balancer.refresh();
  expect(balancer.decide(four, 0, 60, ETH_P_IP)).toBe(201);
  expect(balancer.decide(six, 0, 60, ETH_P_IPV6)).toBe(201);
  expect([four.length, six.length, [...octets]]).toEqual([1040, 548, [1588]]);
});

test('a packet without a flow is dropped, or gets the fwmark for that', () => {
  expect(balancing([WEB], { w: tableOf(101) }).decide(tcp(81))).toEqual([DROP, 'no-flow']);
  const { decide, balancer } = balancing([WEB], { w: tableOf(101) }, { noFlowFwmark: 9, noTargetsFwmark: 8 });
  expect(decide(tcp(81))).toEqual([9, 'no-flow']);
  expect(balancer).toMatchObject({ flow: NO_FLOW, bucket: -1 });
});

test('a flow whose table is gone or empty has no target; flows of lower precedence do not get its packets', () => {
  for (const tables of [{ r: tableOf(201) }, { w: tableOf(), r: tableOf(201) }]) {
    const { decide, matches } = balancing([WEB, REST], tables, { noTargetsFwmark: 8 });
    expect(decide(tcp(80))).toEqual([8, 'no-target']);
    expect(matches()).toEqual({ web: 1, rest: 0 });
  }
});

test('a change of a table takes effect with the next batch that uses it', () => {
  const table = tableOf(101);
  const { decide } = balancing([WEB], { w: table });
  expect(decide(tcp(80))[0]).toBe(101);
  table.activate([{ fwmark: 102 }]);
  table.deactivate([101]);
  expect(decide(tcp(80))[0]).toBe(102);
});

test('flows can be replaced between two batches', () => {
  const { decide, balancer } = balancing([WEB], { w: tableOf(101) });
  const lookup = new FlowLookup(compileFlows(new FlowSet([defineFlow(REST)])));
  balancer.take({ lookup, tables: [new FwmarkLookup(tableOf(201))], matches: new Float64Array(1), octets: new Float64Array(1) });
  expect(decide(tcp(80))).toEqual([201, 'balanced']);
});

describe('SCTP in UDP', () => {
  const SIG: FlowDefinition = { name: 'sig', target: 's', protocols: 'sctp', dports: '6000', udpencap: 9899 };
  const inUdp = (port: number): PacketBuilder =>
    packet()
      .ipv4('10.0.0.2', '10.0.0.1')
      .udp(9899, 9899)
      .payload(packet().ipv4('10.0.0.2', '10.0.0.1').sctp(5000, port).build().subarray(20));

  test('matches the flow of the SCTP packet, and is hashed like it', () => {
    const { decide, matches, balancer } = balancing([SIG], { s: tableOf(301, 302, 303) });
    const plain = decide(packet().ipv4('10.0.0.2', '10.0.0.1').sctp(5000, 6000));
    expect(decide(inUdp(6000))).toEqual(plain);
    expect(balancer.kind).toBe(Kind.UdpEncap);
    expect(matches()).toMatchObject({ sig: 2 });
  });

  test('that matches no SCTP flow has none, even if a UDP flow of lower precedence matches (unlike in C nfqlb)', () => {
    const udp: FlowDefinition = { name: 'udp', target: 'u', protocols: 'udp' };
    const { decide } = balancing([{ ...SIG, priority: 5 }, udp], { s: tableOf(301), u: tableOf(401) });
    expect(decide(inUdp(6001))).toEqual([DROP, 'no-flow']);
  });

  test('that is truncated is malformed', () => {
    const { decide } = balancing([SIG], { s: tableOf(301) });
    expect(decide(packet().ipv4('10.0.0.2', '10.0.0.1').udp(9899, 9899).payload(2))).toEqual([DROP, 'malformed']);
  });
});

test('all fragments of a datagram go to a target of its flow', () => {
  const room = { size: 97, buckets: 97, fragments: 10, mtu: 1500, ttl: 200, holes: 0 };
  const table = new FragmentTable(FragmentTable.createMemory(room, HASH_KEY), room, new Uint32Array(STATISTICS_LENGTH / 4));
  const dns: FlowDefinition = { name: 'dns', target: 'd', protocols: 'udp', dports: '53', priority: 1 };
  const { balancer, matches } = balancing([dns, REST], { d: tableOf(101), r: tableOf(201) }, { fragments: table });
  const parts = fragments(packet().ipv6('1000::2', '1000::1').udp(4711, 53).payload(4000).build(), 1500, 7);
  expect(parts.map((part) => balancer.decide(part, 0, part.length, ETH_P_IPV6))).toEqual([101, 101, 101]);
  expect(matches()).toEqual({ dns: 1, rest: 0 });
});
