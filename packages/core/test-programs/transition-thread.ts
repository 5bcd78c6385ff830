// A thread of src/transition/threads.test.ts: a worker of a load balancer, with connections of its own that talk all the time, while another thread
// changes the targets. Some threads also receive a SYN flood.

import { parentPort, workerData } from 'node:worker_threads';
import { Balancer } from '../src/balancer.js';
import { FwmarkLookup } from '../src/maglev/fwmark-lookup.js';
import { TargetTable } from '../src/maglev/target-table.js';
import { packet } from '../src/packet-builder/index.js';
import { setU16 } from '../src/packet-builder/octets.js';
import { Reason } from '../src/reason.js';
import { ConnectionSet, type ConnectionSetOptions } from '../src/transition/connection-set.js';
import { ETH_P_IP } from '../src/wire/ethertype.js';

export interface TransitionTask {
  readonly table: SharedArrayBuffer;
  readonly connections: SharedArrayBuffer;
  readonly options: ConnectionSetOptions;
  /** Word 0: not 0 to stop. */
  readonly stop: SharedArrayBuffer;
  readonly thread: number;
  /** Number of connections. */
  readonly count: number;
  readonly floods: boolean;
}

export interface TransitionResult {
  /** Packets at another target than their connection's first, and packets in all. */
  readonly moved: number;
  readonly packets: number;
  /** Of these, those that a remembered connection led to their target. */
  readonly known: number;
  readonly begun: number;
}

const SOURCE_PORT = 20;
const FLAGS = 33;
const SYN = 0x02;
const ACK = 0x10;
const FIN = 0x11;

const { table, connections: memory, options, stop, thread, count, floods } = workerData as TransitionTask;
const connections = new ConnectionSet(memory, options);
connections.now = clock();
const lookup = new FwmarkLookup(TargetTable.open(table), connections);
const balancer = new Balancer(lookup, { connections });
const stopped = new Int32Array(stop);
const own = packet().ipv4(`10.0.${thread}.2`, '10.0.0.1').tcp(0, 80).build();
const flood = packet().ipv4(`10.9.${thread}.2`, '10.0.0.1').tcp(0, 80).build();
const result = { moved: 0, packets: 0, known: 0, begun: 0 };
const targets = new Int32Array(count).fill(-1);

/** All threads of a process have the same. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

function send(bytes: Uint8Array, port: number, flags: number): number {
  setU16(bytes, SOURCE_PORT, port);
  bytes[FLAGS] = flags;
  return balancer.decide(bytes, 0, bytes.length, ETH_P_IP);
}

for (let round = 0; Atomics.load(stopped, 0) === 0; round++) {
  connections.now = clock();
  balancer.refresh();
  for (let i = 0; i < count; i++) {
    // Some connections end, and others begin with the same ports.
    const begins = targets[i]! < 0;
    const ends = !begins && (round + i) % 97 === 0;
    const fwmark = send(own, 1024 + i, begins ? SYN : ends ? FIN : ACK);
    result.packets++;
    if (begins) {
      targets[i] = fwmark;
      result.begun++;
      continue;
    }
    if (fwmark !== targets[i]) result.moved++;
    if (balancer.reason === Reason.ConnectionKnown) result.known++;
    if (ends) targets[i] = -1;
  }
  if (floods) for (let i = 0; i < 100; i++) send(flood, (round * 100 + i) & 0xffff, SYN);
}
parentPort!.postMessage(result satisfies TransitionResult);
