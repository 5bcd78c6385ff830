// A program for tests: opens a queue and a tun device in its network namespace, and executes its parent's orders.

import { once } from 'node:events';
import { openSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { NativeError } from '../native-error.js';
import { Queue, type QueueOptions } from '../queue.js';
import { PacketWriter, Tun } from '../tun.js';
import { Wakeup } from '../wakeup.js';

/** Orders of the parent; each is answered once. */
export type Order =
  | { readonly do: 'open'; readonly options: QueueOptions }
  /** In another thread, which then receives forever. */
  | { readonly do: 'open-in-thread'; readonly options: QueueOptions }
  | { readonly do: 'end-thread' }
  /** With an MTU: brings the device up. */
  | { readonly do: 'tun'; readonly name: string; readonly setUp?: number }
  /** Closes the tun device, but not its writer; answers whether another file has its descriptor number now. */
  | { readonly do: 'close-tun' }
  /** Writes packets to the tun device; answers what its writer returned for each. */
  | { readonly do: 'send'; readonly packets: readonly string[] }
  /** Writes a packet to the tun device several times, from another thread: the first after `after` ms, the others `every` ms. */
  | { readonly do: 'send-later'; readonly packet: string; readonly after: number; readonly every: number; readonly times: number }
  | { readonly do: 'receive' }
  | { readonly do: 'settle'; readonly marks: readonly number[] }
  | { readonly do: 'wake-in'; readonly milliseconds: number }
  | { readonly do: 'close' };

export interface Answer {
  readonly error?: { readonly name: string; readonly code: string; readonly operation: string; readonly message: string };
  readonly mtu?: number;
  readonly created?: boolean;
  readonly isUp?: boolean;
  readonly isReused?: boolean;
  readonly written?: readonly number[];
  readonly packets?: readonly { readonly octets: string; readonly etherType: number }[];
  readonly errors?: number;
  readonly malformed?: number;
  readonly milliseconds?: number;
  /** In milliseconds of CLOCK_MONOTONIC: start of the order, the queue's clock, end of the order. */
  readonly clock?: readonly [number, number, number];
}

const monotonicNow = (): number => Number(process.hrtime.bigint()) / 1e6;

let wakeup: Wakeup | undefined;
let queue: Queue | undefined;
let thread: Worker | undefined;
let tun: Tun | undefined;
let writer: PacketWriter | undefined;

async function carryOut(order: Order): Promise<Answer> {
  switch (order.do) {
    case 'open':
      wakeup = new Wakeup();
      queue = new Queue({ ...order.options, wakeup: wakeup.fd });
      return {};
    case 'open-in-thread':
      thread = new Worker(process.argv[1]!, { workerData: order.options });
      await once(thread, 'message');
      return {};
    case 'end-thread':
      await thread!.terminate();
      return {};
    case 'tun':
      tun = new Tun(order.name);
      writer = new PacketWriter(tun.fd);
      if (order.setUp !== undefined) tun.setUp(order.setUp);
      return { mtu: tun.mtu, created: tun.created, isUp: tun.isUp };
    case 'close-tun': {
      const { fd } = tun!;
      tun!.close();
      // The kernel assigns the lowest free number.
      return { isReused: openSync('/dev/null', 'w') === fd };
    }
    case 'send':
      return {
        written: order.packets.map((packet) => {
          // In memory shared by threads, like stored fragments.
          const octets = Buffer.from(`ff${packet}`, 'hex');
          const bytes = new Uint8Array(new SharedArrayBuffer(octets.length + 8), 4);
          bytes.set(octets);
          return writer!.write(bytes, 1, octets.length - 1);
        }),
      };
    case 'send-later': {
      const { packet, after, every, times } = order;
      // Without sleeping, which would be late.
      const code = `
        const { writeSync } = require('node:fs');
        const packet = Buffer.from('${packet}', 'hex');
        const begin = performance.now() + ${after};
        for (let i = 0; i < ${times}; i++) {
          while (performance.now() < begin + i * ${every});
          writeSync(${tun!.fd}, packet);
        }`;
      await once(new Worker(code, { eval: true }), 'online');
      return {};
    }
    case 'receive': {
      const begin = monotonicNow();
      const count = queue!.receive();
      const end = monotonicNow();
      const { errors, malformed } = queue!;
      const { bytes, offset, length, etherType } = queue!.batch;
      const packets = Array.from({ length: count }, (_, i) => ({
        octets: Buffer.from(bytes.subarray(offset[i], offset[i]! + length[i]!)).toString('hex'),
        etherType: etherType[i]!,
      }));
      return { packets, errors, malformed, milliseconds: end - begin, clock: [begin, queue!.clock[0]!, end] };
    }
    case 'settle': {
      const begin = monotonicNow();
      queue!.batch.mark.set(order.marks);
      queue!.settle(order.marks.length);
      return { clock: [begin, queue!.clock[1]!, monotonicNow()] };
    }
    case 'wake-in': {
      // From another thread, as the main thread does: this one will be waiting.
      const code = `
        const { writeSync } = require('node:fs');
        setTimeout(() => writeSync(${wakeup!.fd}, new Uint8Array(new BigUint64Array([1n]).buffer)), ${order.milliseconds});`;
      await once(new Worker(code, { eval: true }), 'online');
      return {};
    }
    case 'close':
      queue!.close();
      wakeup!.close();
      return {};
  }
}

if (isMainThread) {
  process.on('message', async (order: Order) => {
    const answer = await carryOut(order).catch((error: unknown): Answer => {
      if (!(error instanceof NativeError)) throw error;
      const { name, code, operation, message } = error;
      return { error: { name, code, operation, message } };
    });
    process.send!(answer);
  });
} else {
  const own = new Queue(workerData as QueueOptions);
  parentPort!.postMessage('open');
  for (;;) own.settle(own.receive());
}
