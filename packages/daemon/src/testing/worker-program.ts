// A worker thread with its queue, in a network namespace of its own: `unshare --net node worker-program.mjs WORKER SCENARIO`. Says in one line of JSON what
// became of the packets.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { packet } from '@nfqlb/core/packet-builder';
import { PacketWriter, SharedMemory, Tun, Wakeup } from '@nfqlb/native';
import { replaceTable } from '@nfqlb/protocol/tables';
import { shareFragments } from '../fragments/shared-fragments.js';
import { Control, Order } from '../shared/control.js';
import { Counters } from '../shared/counters.js';
import { PacketRing } from '../trace/packet-ring.js';
import { shareConnections } from '../transition/shared-connections.js';
import { bindQueues } from '../worker/queue-socket.js';
import type { WorkerOptions } from '../worker/worker-options.js';

/** `stop`: it is ordered to end while packets wait. `fewer`: it begins while more packets wait than may, and others keep coming. */
export type Scenario = 'stop' | 'fewer';

export interface Outcome {
  readonly sent: number;
  /** Packets that went on with the mark of the target. */
  readonly accepted: number;
  /** Packets that the kernel dropped because the queue was full. */
  readonly queueDropped: number;
}

const QUEUE = 2;
const FWMARK = 101;
const WAITING = { stop: 1000, fewer: 6000 } as const;
/** Packets that may wait in the end, and those that come, one a millisecond, while the worker catches up. */
const QUEUE_LENGTH = 1000;
const COMING = 200;

const [workerFile, scenario] = process.argv.slice(2) as [string, Scenario];
const tun = new Tun('tun0');
tun.setUp(1500);
const shell = (lines: readonly string[]): string => execFileSync('sh', ['-ec', lines.join('\n')], { encoding: 'utf8' });
shell([
  'ip link set lo up',
  'ip addr add 10.0.0.1/8 dev tun0',
  `iptables -w -t mangle -A PREROUTING -p udp -d 10.0.0.1 -j NFQUEUE --queue-num ${QUEUE}`,
  `iptables -w -t mangle -A INPUT -p udp -m mark --mark ${FWMARK}`,
]);
const table = `nfqlb-test-worker-${process.pid}`;
replaceTable(table, { M: 97, N: 4 }, (made) => made.activate([{ fwmark: FWMARK }]));
process.on('exit', () => SharedMemory.unlink(table));

const fragments = shareFragments({ size: 7, buckets: 7, fragments: 0, mtu: 1500, ttl: 200, holes: 0 }, 1);
const bound = bindQueues({ first: QUEUE, last: QUEUE }, fragments.options);
const control = new Control();
const wakeup = new Wakeup();
const { port2: flows } = new MessageChannel();
const workerData: WorkerOptions = {
  ...{
    worker: 0,
    queue: QUEUE,
    queueLength: QUEUE_LENGTH,
    socket: bound[0]!.fd,
    linger: 0,
    busyPoll: 0,
    scheduling: {},
    table,
    flows: undefined,
    tier: undefined,
  },
  ...{ balancer: {}, fragments, connections: shareConnections({ idle: 100, connections: 64 }), tun: undefined },
  ...{ tap: { ring: new PacketRing().memory, flows }, wakeup: wakeup.fd, control: control.memory, counters: new Counters(1).memory },
};
const worker = new Worker(workerFile, { workerData, transferList: [flows] });
const ended = once(worker, 'exit');
await once(worker, 'message');
// From here on the worker's socket is the only one.
for (const each of bound) each.close();

const writer = new PacketWriter(tun.fd);
let sent = 0;
const send = (): void => {
  const octets = packet()
    .ipv4('10.0.0.2', '10.0.0.1')
    .udp(1024 + sent, 5001)
    .build();
  if (writer.write(octets, 0, octets.length) === 0) sent++;
};
const order = (what: Order): void => {
  control.order = what;
  wakeup.signal();
};
/** netfilter's counts of the queue: number, port ID, waiting, copy mode, copy range, dropped in the queue, … */
const kernelQueue = (): number[] => readFileSync('/proc/net/netfilter/nfnetlink_queue', 'utf8').trim().split(/\s+/).map(Number);

while (sent < WAITING[scenario]) send();
if (scenario === 'fewer') {
  order(Order.Run);
  for (let i = 0; i < COMING; i++) {
    send();
    await sleep(1);
  }
  while (kernelQueue()[2]! > 0) await sleep(1);
}
const queueDropped = kernelQueue()[5]!;
order(Order.Stop);
await ended;
const [, accepted] = /^\[(\d+):\d+\] -A INPUT/m.exec(shell(['iptables-save -c -t mangle']))!;
console.log(JSON.stringify({ sent, accepted: Number(accepted), queueDropped } satisfies Outcome));
