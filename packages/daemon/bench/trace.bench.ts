// Cost of the trace tap while nobody traces: runs the worker's loop over batches with and without the tap, alternately.

import { MessageChannel } from 'node:worker_threads';
import { Balancer, ETH_P_IP, FwmarkLookup, TargetTable } from '@nfqlb/core';
import { packet, randomNumbers } from '@nfqlb/core/testing';
import { PacketRing } from '../src/trace/packet-ring.js';
import { PacketTap } from '../src/worker/packet-tap.js';

const ROUNDS = 2000;
/** Percent of the time to decide the packets of a batch. */
const GOAL_PERCENT = 1;
/** Packets in total, all different, and the space for each in the region, in octets. */
const PACKETS = 4096;
const SLOT = 512;
/** Batches are long under load; for a single packet, the system calls cost fifty times as much as the decision. */
const BATCHES = [256, 64, 16];

const SIZE = { M: 997, N: 32 };
const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
table.activate(Array.from({ length: SIZE.N }, (_, i) => ({ fwmark: 101 + i })));
const balancer = new Balancer(new FwmarkLookup(table));
const { port1, port2 } = new MessageChannel();
const tap = new PacketTap({ ring: new PacketRing().memory, flows: port2 });

const random = randomNumbers(1);
const bytes = new Uint8Array(PACKETS * SLOT);
const length = new Uint32Array(PACKETS);
const mark = new Int32Array(PACKETS);
for (let i = 0; i < PACKETS; i++) {
  const datagram = packet()
    .ipv4(`10.0.${random() & 255}.${random() & 255}`, '192.0.2.1')
    .udp(1024 + (random() % 64512), 53)
    .payload(20)
    .build();
  bytes.set(datagram, i * SLOT);
  length[i] = datagram.length;
}

/** As in worker.ts. The same function for both cases, so that both run the same compiled code. */
function decide(begin: number, end: number, isTraced: boolean): void {
  for (let i = begin; i < end; i++) {
    const fwmark = balancer.decide(bytes, i * SLOT, length[i]!, ETH_P_IP);
    mark[i] = fwmark;
    if (isTraced) tap.show(balancer, fwmark, bytes, i * SLOT, length[i]!, ETH_P_IP);
  }
}

function withoutTap(batch: number): void {
  for (let at = 0; at < PACKETS; at += batch) decide(at, at + batch, false);
}

function withTap(batch: number): void {
  for (let at = 0; at < PACKETS; at += batch) decide(at, at + batch, tap.open(0));
}

function time(run: (batch: number) => void, batch: number): number {
  const begin = performance.now();
  run(batch);
  return performance.now() - begin;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

for (const batch of BATCHES) {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Alternate which goes first: caches and clocks favour the second.
    const first = round % 2 === 0;
    const a = time(first ? withoutTap : withTap, batch);
    const b = time(first ? withTap : withoutTap, batch);
    if (round > ROUNDS / 10) ratios.push(first ? b / a : a / b);
  }
  const percent = 100 * (median(ratios) - 1);
  console.log(
    `batches of ${String(batch).padEnd(4)} ${percent.toFixed(2).padStart(6)}% more while nobody traces   goal: at most ${GOAL_PERCENT}%   ${percent <= GOAL_PERCENT ? 'met' : 'MISSED'}`,
  );
}
port1.close();
