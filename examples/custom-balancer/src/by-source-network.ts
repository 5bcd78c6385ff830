// Balances by the client's network alone: all packets from one /24 (IPv4) or /64 (IPv6) go to one target, whatever their ports, protocol and
// destination. Usage: node dist/by-source-network.js TABLE QUEUE

import { setImmediate as turn } from 'node:timers/promises';
import { DROP, extractKey, FwmarkLookup, Kind, PacketKey, TargetTable } from '@nfqlb/core';
import { Queue, SharedMemory } from '@nfqlb/native';

const [name = 'nfqlb', number = '2'] = process.argv.slice(2);

/** Octets of the key that belong to the client's network. An IPv4 address is in octets 12 to 15: ::ffff:a.b.c.d. */
const NETWORK = { 4: 12 + 3, 6: 8 } as const;

const memory = SharedMemory.open(name, { readOnly: true });
const table = new FwmarkLookup(TargetTable.open(memory.buffer));
const key = new PacketKey();

/** The decision: a fwmark, or DROP, which is also what an empty table has. */
function decide(bytes: Uint8Array, at: number, length: number, etherType: number): number {
  if (extractKey(key, bytes, at, length, etherType, 0) === Kind.Malformed) return DROP;
  key.bytes.fill(0, key.family === 4 ? NETWORK[4] : NETWORK[6]);
  return table.choose(key.hashAll());
}

// receive() returns after 100 ms even without packets, so that signals are noticed.
const queue = new Queue({ queue: Number(number), length: 1024, copyRange: 512, batch: 256, timeout: 100, linger: 0 });
let running = true;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (running = false));
console.error(`queue ${number}, table ${name}`);

const { bytes, offset, length, etherType, mark } = queue.batch;
while (running) {
  const count = queue.receive();
  table.refresh(); // Targets that came or went: all packets of a batch see the same table.
  for (let i = 0; i < count; i++) mark[i] = decide(bytes, offset[i]!, length[i]!, etherType[i]!);
  queue.settle(count);
  await turn(); // Lets Node deliver signals.
}
queue.close();
memory.close();
