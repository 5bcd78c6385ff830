// What axes are made of: tables, packets, and passes over them. All batches are of the same size, which no processor's own cache holds, so that sizes
// differ only in what is looked up.

import { type Balancer, FwmarkLookup, type PacketBatch, TargetTable } from '@nfqlb/core';
import { packet, randomNumbers } from '@nfqlb/core/testing';
import { decideBatch, packetBatch } from '../traffic.js';

/** More than the largest number of flows or connections, so that nearly all of them get a packet. */
export const PACKETS: number = 2 ** 17;
/** Octets for each: headers of TCP over IPv6, and some. */
export const SLOT = 96;
/** Passes over a batch in a measurement, of which the median counts. */
const PASSES = 5;

export function lookupOf(M: number, targets: number): FwmarkLookup {
  const size = { M, N: targets };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
  table.activate(Array.from({ length: targets }, (_, i) => ({ fwmark: 101 + i })));
  return new FwmarkLookup(table);
}

/** The i-th client's address and port; all are different. */
export function client(i: number): readonly [address: string, port: number] {
  return [`10.${(i >> 18) & 255}.${(i >> 10) & 255}.${(i >> 2) & 255}`, 1024 + (i & 3)];
}

/** UDP of clients, over IPv4. */
export function udp(count: number = PACKETS): PacketBatch {
  return packetBatch(count, SLOT, (i) => {
    const [address, port] = client(i);
    return packet().ipv4(address, '192.0.2.1').udp(port, 53).payload(16).build();
  });
}

/** Calls `make` with each number below `count` about equally often, in random order. */
export function spreadOver(count: number, make: (which: number) => Uint8Array): PacketBatch {
  const random = randomNumbers(7);
  const order = Uint32Array.from({ length: PACKETS }, (_, i) => i % count);
  for (let i = PACKETS - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return packetBatch(PACKETS, SLOT, (i) => make(order[i]!));
}

/** Measures deciding a batch. Every packet must get a target: something else would have been measured. */
export function deciding(balancer: Balancer, batch: PacketBatch): () => number {
  const count = batch.length.length;
  decideBatch(balancer, batch, count);
  const missed = batch.mark.findIndex((mark) => mark < 101);
  if (missed >= 0) throw new Error(`packet ${missed} of the benchmark has no target: ${batch.mark[missed]}`);
  return () => {
    const times: number[] = [];
    for (let pass = 0; pass < PASSES; pass++) {
      const begin = performance.now();
      decideBatch(balancer, batch, count);
      times.push(performance.now() - begin);
    }
    times.sort((a, b) => a - b);
    return (1e6 * times[PASSES >> 1]!) / count;
  };
}
