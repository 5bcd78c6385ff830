// What `pnpm bench:regress` measures of core. It is compiled against the core of two revisions, so it uses only what has been there for long.

import { Balancer, FlowBalancer, FragmentTable, FwmarkLookup, STATISTICS_LENGTH, TargetTable } from '@nfqlb/core';
import { compileFlows, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { HASH_KEY } from '@nfqlb/core/testing';
import { SHAPES } from '../flow-shapes.js';
import { batchOf, decideBatch, FRAGMENTS, PACKETS, TRAFFIC, type Traffic } from '../traffic.js';

/** Decides a batch of {@link PACKETS} packets. */
export type Workload = () => void;

const SIZE = { M: 65537, N: 100 };
const FLOWS = 1000;

function lookup(): FwmarkLookup {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
  table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
  return new FwmarkLookup(table);
}

function deciding(...kinds: readonly Traffic[]): Workload {
  const balancer = new Balancer(lookup());
  const batch = batchOf(...kinds);
  return () => decideBatch(balancer, batch, PACKETS);
}

function decidingFragments(): Workload {
  const options = { size: 9973, buckets: 20_000, fragments: 100, mtu: 1500, ttl: 200, holes: 0 };
  const fragments = new FragmentTable(FragmentTable.createMemory(options, HASH_KEY), options, new Uint32Array(STATISTICS_LENGTH / 4));
  const balancer = new Balancer(lookup(), { fragments });
  const batch = batchOf(...FRAGMENTS);
  return () => decideBatch(balancer, batch, PACKETS);
}

function decidingFlows(): Workload {
  const { flows, packet } = SHAPES.usual(FLOWS);
  const found = new FlowLookup(compileFlows(new FlowSet(flows)));
  const table = lookup();
  const counts = (): Float64Array => new Float64Array(found.count);
  const balancer = new FlowBalancer({ lookup: found, tables: found.targetNames.map(() => table), matches: counts(), octets: counts() });
  const batch = batchOf(() => ({ build: packet }));
  return () => decideBatch(balancer, batch, PACKETS);
}

export const WORKLOADS: Readonly<Record<string, () => Workload>> = {
  'UDP over IPv4': () => deciding('UDP over IPv4'),
  'TCP over IPv6': () => deciding('TCP over IPv6'),
  'ICMP errors': () => deciding('ICMP error', 'ICMPv6 error'),
  'all kinds mixed': () => deciding(...(Object.keys(TRAFFIC) as Traffic[])),
  fragments: decidingFragments,
  [`${FLOWS} flows`]: decidingFlows,
};
