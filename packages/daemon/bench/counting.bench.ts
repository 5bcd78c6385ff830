// Cost of counting a packet: runs the worker's loop over a batch with and without counting, alternately, and takes the difference.

import { MessageChannel } from 'node:worker_threads';
import { Balancer, ETH_P_IP, ETH_P_IPV6, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { packet, randomNumbers } from '@nfqlb/core/testing';
import { Counters, WorkerCounters } from '../src/shared/counters.js';
import { PacketRing } from '../src/trace/packet-ring.js';
import { BatchDecider } from '../src/worker/batch-decider.js';
import { PacketTap } from '../src/worker/packet-tap.js';

const ROUNDS = 400;
/** Nanoseconds per packet. */
const GOAL_NS = 25;
/** Packets in a batch, all different, and the space for each in the region, in octets. */
const PACKETS = 4096;
const SLOT = 512;

const SIZE = { M: 997, N: 32 };
const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
const balancer = new Balancer(new FwmarkLookup(table));
const batch = newBatch();
const tap = new PacketTap({ ring: new PacketRing().memory, flows: new MessageChannel().port2 });
/** As in a worker. */
const decider = new BatchDecider(new WorkerCounters(new Counters(1).memory, 0), tap);
/** Packets by verdict and reason only, for comparison. */
const reasons = new Float64Array(32);

const WAYS: Readonly<Record<string, () => void>> = {
  'deciding alone': () => {
    const { bytes, offset, length, etherType, mark } = batch;
    for (let i = 0; i < PACKETS; i++) mark[i] = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
  },
  'counting reasons': () => {
    const { bytes, offset, length, etherType, mark } = batch;
    for (let i = 0; i < PACKETS; i++) {
      const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
      mark[i] = fwmark;
      reasons[(fwmark >= 0 ? 0 : 16) + balancer.reason]!++;
    }
  },
  'counting targets, reasons and octets': () => decider.decide(balancer, batch, PACKETS, false),
};

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const times = new Map(Object.keys(WAYS).map((way) => [way, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, run] of Object.entries(WAYS)) {
    const begin = performance.now();
    run();
    // The first rounds warm up the JIT compiler.
    if (round > ROUNDS / 4) times.get(way)!.push(((performance.now() - begin) * 1e6) / PACKETS);
  }
}
const alone = median(times.get('deciding alone')!);
console.log(`a packet is decided in ${alone.toFixed(1)} ns`);
for (const way of Object.keys(WAYS).slice(1)) {
  const cost = median(times.get(way)!.map((time, round) => time - times.get('deciding alone')![round]!));
  console.log(
    `${way.padEnd(40)}${cost.toFixed(1).padStart(6)} ns more   goal: at most ${GOAL_NS} ns   ${cost <= GOAL_NS ? 'met' : 'MISSED'}`,
  );
}

/** A random mix of UDP over IPv4 and IPv6. */
function newBatch(): PacketBatch {
  const random = randomNumbers(1);
  const port = (): number => 1024 + (random() % 64512);
  const batch = {
    bytes: new Uint8Array(PACKETS * SLOT),
    offset: new Uint32Array(PACKETS),
    length: new Uint32Array(PACKETS),
    etherType: new Uint16Array(PACKETS),
    mark: new Int32Array(PACKETS),
  };
  for (let i = 0; i < PACKETS; i++) {
    const six = (random() & 1) === 1;
    const octet = (): number => random() & 255;
    const from = six
      ? packet().ipv6(`2001:db8::${octet().toString(16)}`, '2001:db8::1')
      : packet().ipv4(`10.0.${octet()}.${octet()}`, '192.0.2.1');
    const bytes = from.udp(port(), 53).payload(64).build();
    batch.bytes.set(bytes, i * SLOT);
    batch.offset[i] = i * SLOT;
    batch.length[i] = bytes.length;
    batch.etherType[i] = six ? ETH_P_IPV6 : ETH_P_IP;
  }
  return batch;
}
