// Runs in namespaces of its own (machine.ts), with a load balancer. Packets come in and leave through tun devices, so that the test sees exactly
// what the kernel routed where. Ends, and all in its namespaces with it, when the test does.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, readSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PacketWriter, PollSet, Tun } from '@nfqlb/native';
import type { Arrival, Message, Order } from './orders.js';

/** The longest packet that fits: the length field has 16 bits (RFC 791 §3.1). */
const MTU = 65_535;

/** Packets that come in at a time: fewer than fit into the queue, or into a device that is not read yet (500). */
const AT_A_TIME = 128;

const devices: Tun[] = [];
const polled = new PollSet();
const buffer = new Uint8Array(MTU);
let incoming: PacketWriter | undefined;
let loadBalancer: ChildProcess | undefined;
/** Orders under way are done one after the other. */
let busy: Promise<void> = Promise.resolve();

const tell = (message: Message): void => {
  process.send?.(message);
};

process.on('disconnect', () => process.exit());
process.on('message', ([number, order]: [number, Order]) => {
  busy = busy.then(async () => {
    try {
      await obey(order);
      tell({ to: number });
    } catch (error) {
      tell({ to: number, failure: (error as Error).message });
    }
  });
});
// Packets that come late, and those that the kernel sends on its own.
setInterval(deliver, 5);

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case 'shell':
      return await shell(order.lines);
    case 'write':
      return writeFileSync(order.file, order.text);
    case 'open':
      for (const name of order.devices) {
        const device = new Tun(name);
        device.setUp(MTU);
        devices.push(device);
      }
      incoming ??= new PacketWriter(devices[0]!.fd);
      return;
    case 'start':
      return start(order.command);
    case 'send':
      for (let i = 0; i < order.packets.length; i += AT_A_TIME) {
        // The kernel refuses what is no IP packet: it arrives nowhere.
        for (const packet of order.packets.slice(i, i + AT_A_TIME)) incoming!.write(packet, 0, packet.length);
        while (waiting() > 0) {
          deliver();
          await sleep(1);
        }
        deliver();
      }
  }
}

function shell(lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-ec', lines.join('\n')], (error, _stdout, stderr) =>
      error ? reject(new Error(stderr.trim() || error.message)) : resolve(),
    );
  });
}

function start([program, ...args]: readonly string[]): void {
  loadBalancer = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [loadBalancer.stdout!, loadBalancer.stderr!]) {
    stream.setEncoding('utf8').on('data', (said: string) => tell({ said }));
  }
  loadBalancer.on('error', (error) => tell({ ended: error.message }));
  loadBalancer.on('exit', (status, signal) => tell({ ended: signal ?? `status ${status}` }));
}

/** Packets that the load balancer has not decided yet. */
function waiting(): number {
  // Queue number, port id, packets waiting, …: nfqnl_seq_show in net/netfilter/nfnetlink_queue.c.
  const queues = readFileSync('/proc/net/netfilter/nfnetlink_queue', 'latin1').trim().split('\n');
  return queues.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2] ?? 0), 0);
}

/** Tells of all packets that have left. */
function deliver(): void {
  polled.clear();
  for (const { fd } of devices) polled.add(fd, 'readable');
  if (devices.length === 0 || polled.look() === 0) return;
  const arrived: Arrival[] = [];
  for (const [i, { name, fd }] of devices.entries()) {
    if (!polled.isReady(i)) continue;
    for (let bytes = read(fd); bytes; bytes = read(fd)) {
      // What goes back to the clients is of no interest.
      if (i > 0) arrived.push({ device: name, bytes });
    }
  }
  if (arrived.length > 0) tell({ arrived });
}

function read(fd: number): Uint8Array | undefined {
  try {
    return buffer.slice(0, readSync(fd, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
