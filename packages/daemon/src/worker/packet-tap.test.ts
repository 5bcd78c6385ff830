import { MessageChannel } from 'node:worker_threads';
import { Balancer, ETH_P_IP, ETH_P_IPV6, FlowBalancer, FwmarkLookup, Kind, TargetTable } from '@nfqlb/core';
import { compileFlows, defineFlow, type FlowDefinition, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { type PacketBuilder, packet } from '@nfqlb/core/testing';
import { Area } from '@nfqlb/protocol/trace';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PacketRing, type TracedPacket } from '../trace/packet-ring.js';
import { PacketTap } from './packet-tap.js';

const SIZE = { M: 97, N: 4 };
const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate([{ fwmark: 101 }]);
const lookup = new FwmarkLookup(table);

let ring: PacketRing;
let channel: MessageChannel;
let tap: PacketTap;
beforeEach(() => {
  ring = new PacketRing();
  channel = new MessageChannel();
  tap = new PacketTap({ ring: ring.memory, flows: channel.port2 });
});
afterEach(() => channel.port1.close());

function traceFlows(number: number, ...flows: readonly Omit<FlowDefinition, 'target'>[]): void {
  const set = new FlowSet(flows.map((flow) => defineFlow({ ...flow, target: '-' })));
  channel.port1.postMessage({ number, flows: compileFlows(set, { promiscuousPing: true }) });
  ring.flows = number;
}

/** Decides a batch of these packets; returns what the main thread receives. */
function show(balancer: Balancer, ...packets: readonly PacketBuilder[]): TracedPacket[] {
  const opened = tap.open(7);
  for (const builder of packets) {
    const bytes = builder.build();
    const etherType = bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
    balancer.refresh();
    const fwmark = balancer.decide(bytes, 0, bytes.length, etherType);
    if (opened) tap.show(balancer, fwmark, bytes, 0, bytes.length, etherType);
  }
  const all: TracedPacket[] = [];
  for (let taken = ring.take(); taken; taken = ring.take()) all.push(taken);
  return all;
}

const v4 = packet().ipv4('10.0.0.2', '10.0.0.1');
const v6 = packet().ipv6('1000::2', '1000::1');
const TRAFFIC = {
  tcp: v4.tcp(4711, 80),
  sctp: v6.sctp(1, 2),
  encapsulated: v4.udp(5, 9899).payload(packet().ipv4('0.0.0.0', '0.0.0.0').sctp(1, 2).build().subarray(20)),
  'an error about SCTP': v4.icmpError(3, 4, packet().ipv4('10.0.0.1', '10.0.0.2').sctp(2, 1).build()),
  'a first fragment': v4.fragment({ id: 1, offset: 0, more: true }).udp(1, 2).payload(56),
  'a later fragment': v6.fragment({ id: 1, offset: 64, more: false }).payload(8),
  malformed: v4.tcp(1, 2).cut(22),
};
const shown = (): string[] => {
  const balancer = new Balancer(lookup, { udpEncapPort: 9899 });
  return Object.entries(TRAFFIC).flatMap(([name, builder]) => (show(balancer, builder).length > 0 ? [name] : []));
};

test.each<[string, number, readonly string[]]>([
  ['nothing', 0, []],
  ['packet', Area.Packet, Object.keys(TRAFFIC)],
  ['frag', Area.Fragment, ['a first fragment', 'a later fragment']],
  ['sctp', Area.Sctp, ['sctp', 'encapsulated', 'an error about SCTP']],
  ['flows, without any trace flow', Area.Flows, []],
  ['areas without packets', Area.Log | Area.Target | Area.FlowConf, []],
])('%s', (_name, areas, expected) => {
  ring.areas = areas;
  expect(shown()).toEqual(expected);
});

test('new trace flows are used from the next batch on; SCTP in UDP matches as SCTP and as UDP', () => {
  ring.areas = Area.Flows;
  traceFlows(1, { name: 'outer', protocols: 'udp', dports: '9899' });
  expect(shown()).toEqual(['encapsulated']);
  traceFlows(2, { name: 'a', protocols: 'tcp' });
  traceFlows(3, { name: 'a', protocols: 'sctp', dports: '2' }, { name: 'b', protocols: 'tcp', dports: '80' });
  expect(shown()).toEqual(['tcp', 'sctp', 'encapsulated', 'an error about SCTP']);
  const [sctp, tcp] = show(new Balancer(lookup), TRAFFIC.sctp, TRAFFIC.tcp);
  expect([sctp!.traceFlow, tcp!.traceFlow, sctp!.traceGeneration]).toEqual([0, 1, 3]);
  traceFlows(4);
  expect(shown()).toEqual([]);
});

test('a packet has its areas, all numbers of its decision, and the generation of the flows', () => {
  ring.areas = Area.Packet | Area.Sctp | Area.Flows;
  traceFlows(1, { name: 'all' });
  const flows = new FlowLookup(
    compileFlows(
      new FlowSet([
        defineFlow({ name: 'a', target: 't', priority: 1, dports: '9', protocols: 'tcp' }),
        defineFlow({ name: 'b', target: 't' }),
      ]),
    ),
  );
  const balancer = new FlowBalancer({ lookup: flows, tables: [lookup], matches: new Float64Array(2), octets: new Float64Array(2) });
  // Two different clocks, which may differ by a few milliseconds.
  const before = Date.now() - 100;
  const [sctp, cut] = show(balancer, TRAFFIC.sctp, TRAFFIC.malformed);
  const after = Date.now() + 100;
  expect(sctp).toMatchObject({
    areas: Area.Packet | Area.Sctp | Area.Flows,
    fwmark: 101,
    kind: Kind.Normal,
    flow: 1,
    generation: 7,
    buckets: 97,
    etherType: ETH_P_IPV6,
    wireLength: 52,
  });
  expect(sctp!.bucket).toBe(sctp!.hash % 97);
  expect(sctp!.time).toBeGreaterThan(before);
  expect(sctp!.time).toBeLessThan(after);
  // No flow lookup for a malformed packet: it must not have the flow of the packet before.
  expect(cut).toMatchObject({ areas: Area.Packet, fwmark: -1, kind: Kind.Malformed, flow: -1, bucket: -1, wireLength: 22 });
});

test('the wire length is that in the header, or the number of octets received if that is greater', () => {
  ring.areas = Area.Packet;
  const tooShort = v4.udp(1, 2).payload(20).build();
  tooShort[3] = 30;
  const balancer = new Balancer(lookup);
  expect(show(balancer, v4.udp(1, 2).payload(100).cut(60))[0]!.wireLength).toBe(128);
  balancer.decide(tooShort, 0, tooShort.length, ETH_P_IP);
  tap.show(balancer, 1, tooShort, 0, tooShort.length, ETH_P_IP);
  expect(ring.take()!.wireLength).toBe(tooShort.length);
});
