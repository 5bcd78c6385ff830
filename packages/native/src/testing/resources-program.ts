// A program for tests: opens every kind of resource, and prints what is left after each way of releasing them. Runs in its own network
// namespace, with --expose-gc and the name of a shared-memory object.

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Queue } from '../queue.js';
import { SharedMemory } from '../shared-memory.js';
import { Tun } from '../tun.js';
import { Wakeup } from '../wakeup.js';

/** Existing resources of each kind. */
export interface Resources {
  readonly descriptors: number;
  readonly mappings: number;
  readonly queue: boolean;
  readonly tun: boolean;
}

/** Resources at first, while all are open, and after each way of releasing them. */
export interface Report {
  readonly atFirst: Resources;
  readonly open: Resources;
  readonly closed: Resources;
  readonly collected: Resources;
  readonly threadTerminated: Resources;
  readonly threadEnded: Resources;
}

const name: string = isMainThread ? process.argv[2]! : workerData.name;

function openAll(): { close(): void }[] {
  const wakeup = new Wakeup();
  const queue = new Queue({ queue: 7, length: 16, copyRange: 64, batch: 8, timeout: 10, linger: 0, wakeup: wakeup.fd });
  return [queue, wakeup, new Tun('held0'), SharedMemory.open(name), SharedMemory.open(name, { readOnly: true })];
}

function count(): Resources {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'utf8').split(`/dev/shm/${name}`).length - 1,
    queue: readFileSync('/proc/self/net/netfilter/nfnetlink_queue', 'utf8') !== '',
    tun: existsSync('/proc/self/net/dev_snmp6/held0'),
  };
}

/** Resources after calling `release`, with time to take effect. */
async function settled(release: () => void = () => {}): Promise<Resources> {
  for (let i = 0; i < 20; i++) {
    release();
    await sleep(10);
  }
  return count();
}

async function withThread(end: (thread: Worker) => void): Promise<Resources> {
  for (let i = 0; i < 3; i++) {
    const thread = new Worker(process.argv[1]!, { workerData: { name } });
    await once(thread, 'message');
    const exit = once(thread, 'exit');
    end(thread);
    await exit;
  }
  return settled();
}

if (isMainThread) {
  // What Node itself opens for the first thread stays open.
  await withThread((thread) => thread.postMessage('end'));
  const atFirst = await settled();
  const handles = openAll();
  const open = count();
  for (const handle of handles) handle.close();
  const closed = count();
  openAll();
  const collected = await settled(gc);
  const report: Report = {
    atFirst,
    open,
    closed,
    collected,
    threadTerminated: await withThread((thread) => void thread.terminate()),
    threadEnded: await withThread((thread) => thread.postMessage('end')),
  };
  console.log(JSON.stringify(report));
} else {
  // Kept until the thread ends.
  Object.assign(globalThis, { handles: openAll() });
  parentPort!.once('message', () => {});
  parentPort!.postMessage('open');
}
