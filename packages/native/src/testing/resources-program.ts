// A program for tests: opens everything there is, closes nothing, and prints what is still there after that. In a network namespace of
// its own, with --expose-gc and the name of a shared-memory object.

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Queue } from '../queue.js';
import { SharedMemory } from '../shared-memory.js';
import { Tun } from '../tun.js';
import { Wakeup } from '../wakeup.js';

/** What is there of each kind of resource. */
export interface Resources {
  readonly descriptors: number;
  readonly mappings: number;
  readonly queue: boolean;
  readonly tun: boolean;
}

/** What was there to begin with, while all was open, and after each way of giving it back. */
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

/** As after `give`, once that has had the time it takes. */
async function settled(give: () => void = () => {}): Promise<Resources> {
  for (let i = 0; i < 20; i++) {
    give();
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
  // What the first thread makes Node itself open stays open.
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
  // Held to the end.
  Object.assign(globalThis, { handles: openAll() });
  parentPort!.once('message', () => {});
  parentPort!.postMessage('open');
}
