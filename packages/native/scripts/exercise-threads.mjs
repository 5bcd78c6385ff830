// Uses an addon in several threads at once, in its own network namespace: `unshare --net node exercise-threads.mjs ADDON`. For races.mjs, which looks for
// data races. Each of four threads has a queue, which the main thread wakes all the time; all of them map, guard, truncate and unmap the same memory.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** @import { MessagePort } from 'node:worker_threads' */
/** @import { Binding } from '../src/binding.js' */

/**
 * Memory that all threads use.
 *
 * @typedef {object} Memory
 * @property {number} shared descriptor of memory that stays
 * @property {number} own descriptor of memory that is truncated again and again
 * @property {SharedArrayBuffer} ended 1 when all packets were sent
 */

/**
 * What a thread is to do.
 *
 * @typedef {object} Work
 * @property {string} file the addon
 * @property {number} number of its queue
 * @property {number} wakeup descriptor
 * @property {Memory} memory
 */

const QUEUES = 4;
const PACKETS = 2000;
const ROUNDS = 200;
const PAGE = 4096;

/**
 * IPv4, UDP, to 10.0.0.1 from an address by `number`, which is what the kernel chooses a queue by.
 *
 * @param {number} number
 */
function packet(number) {
  const bytes = Buffer.alloc(36);
  bytes.set([0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, number >> 8, number, 10, 0, 0, 1]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  bytes.writeUInt16BE(0xffff - sum, 10);
  bytes.writeUInt16BE(1024, 20);
  bytes.writeUInt16BE(7, 22);
  bytes.writeUInt16BE(16, 24);
  return bytes;
}

/**
 * @param {Binding} addon
 * @param {Memory} memory
 * @param {number} round
 */
function useMemory(addon, { shared, own }, round) {
  const all = new addon.Mapping(shared, PAGE, true);
  const words = new Int32Array(all.buffer);
  Atomics.add(words, 0, 1);
  // Lost under the eyes of all threads that map it: each of them gets a SIGBUS, and has its mapping replaced.
  addon.lock(own, 1000);
  addon.allocate(own, 2 * PAGE);
  addon.unlock(own);
  const lost = new addon.Mapping(own, 2 * PAGE, round % 2 === 0);
  ftruncateSync(own, 0);
  new Uint8Array(lost.buffer)[PAGE + round] = 1;
  if (round % 3 !== 0) lost.close();
  all.close();
}

/**
 * @param {Work} work
 * @param {MessagePort} parent
 */
function balance({ file, number, wakeup, memory }, parent) {
  /** @type {Binding} */
  const addon = createRequire(import.meta.url)(file);
  const arrays = {
    bytes: new Uint8Array(64 * 1024),
    offset: new Uint32Array(64),
    length: new Uint32Array(64),
    etherType: new Uint16Array(64),
    mark: new Int32Array(64).fill(5),
    clock: new Float64Array(2),
  };
  const queue = new addon.Queue({ queue: number, length: 4096, copyRange: 512, batch: 64, wakeup, socket: -1, clockOffset: 0 }, arrays);
  const watchdog = new addon.Watchdog();
  parent.postMessage('ready');
  let received = 0;
  const state = new Int32Array(memory.ended);
  for (let round = 0; Atomics.load(state, 0) === 0 || round < ROUNDS; round++) {
    watchdog.renew(60_000);
    const count = queue.receive(10, 0, 0);
    received += count;
    queue.settle(count);
    useMemory(addon, memory, round % 100);
    if (round % 50 === 0) queue.configure(4096);
  }
  watchdog.close();
  queue.close();
  parent.postMessage(received);
}

/**
 * What a thread says, one message after the other.
 *
 * @param {Worker} worker
 * @returns {() => Promise<unknown>}
 */
function messagesOf(worker) {
  /** @type {unknown[]} */
  const said = [];
  /** @type {((message: unknown) => void)[]} */
  const waiting = [];
  worker.on('message', (message) => {
    const next = waiting.shift();
    if (next) next(message);
    else said.push(message);
  });
  worker.on('error', (error) => {
    console.error(error);
    process.exit(1);
  });
  return () => (said.length > 0 ? Promise.resolve(said.shift()) : new Promise((resolve) => waiting.push(resolve)));
}

if (!parentPort) {
  const [, , file = ''] = process.argv;
  /** @type {Binding} */
  const addon = createRequire(import.meta.url)(file);
  const name = `/dev/shm/nfqlb-threads-${process.pid}`;
  try {
    const tun = new addon.Tun('threads0');
    const { LD_PRELOAD: _, ...env } = process.env;
    const setUp = `
      echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
      ip link set lo up
      ip link set threads0 up
      ip addr add 10.0.0.1/8 dev threads0
      iptables -w -t mangle -A PREROUTING -p udp -j NFQUEUE --queue-balance 0:${QUEUES - 1}`;
    execFileSync('sh', ['-ec', setUp], { env });
    const [shared, own] = [openSync(`${name}-shared`, 'w+'), openSync(`${name}-own`, 'w+')];
    addon.allocate(shared, PAGE);
    const memory = { shared, own, ended: new SharedArrayBuffer(4) };
    const wakeups = Array.from({ length: QUEUES }, () => new addon.Wakeup());
    const workers = wakeups.map(
      ({ fd: wakeup }, number) =>
        new Worker(new URL(import.meta.url), { workerData: /** @type {Work} */ ({ file, number, wakeup, memory }) }),
    );
    const messages = workers.map(messagesOf);
    await Promise.all(messages.map((next) => next()));
    const writer = new addon.PacketWriter(tun.fd);
    for (let i = 0; i < PACKETS; i++) {
      while (writer.write(packet(i), 0, 36) !== 0) await new Promise((resolve) => setTimeout(resolve, 1));
      wakeups[i % QUEUES]?.signal();
      useMemory(addon, memory, i % 100);
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    Atomics.store(new Int32Array(memory.ended), 0, 1);
    // Closed while the threads wait: each has a copy.
    for (const wakeup of wakeups) {
      wakeup.signal();
      wakeup.close();
    }
    const received = /** @type {number[]} */ (await Promise.all(messages.map((next) => next())));
    const sum = received.reduce((total, count) => total + count, 0);
    if (sum !== PACKETS || received.some((count) => count === 0)) throw new Error(`packets: ${received}, should be ${PACKETS} in all`);
    writer.close();
    tun.close();
    closeSync(shared);
    closeSync(own);
    console.log(`${QUEUES} threads with a queue each, ${PACKETS} packets`);
  } finally {
    for (const end of ['shared', 'own']) rmSync(`${name}-${end}`, { force: true });
  }
} else {
  balance(workerData, parentPort);
}
