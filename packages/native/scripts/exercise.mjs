// Uses every part of an addon, 20 times, in its own network namespace: `unshare --net node --expose-gc exercise.mjs ADDON`. For
// sanitize.mjs and valgrind.mjs, which look for leaks.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';

/** @import { Binding, TunBinding } from '../src/binding.js' */

const ROUNDS = 20;
const PACKETS = 40;
const [, , file = ''] = process.argv;
/** @type {Binding} */
const addon = createRequire(import.meta.url)(file);
const memory = `/dev/shm/nfqlb-exercise-${process.pid}`;

/**
 * Sanitizers and valgrind only apply to this process, not to the tools it runs.
 *
 * @param {string} command
 */
function shell(command) {
  const { LD_PRELOAD: _, ...env } = process.env;
  execFileSync('sh', ['-ec', command], { env });
}

/**
 * @param {string} what
 * @param {unknown} actual
 * @param {unknown} expected
 */
function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, should be ${expected}`);
}

/** @param {() => void} work */
function thrown(work) {
  try {
    work();
    return undefined;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).errno;
  }
}

/**
 * IPv4, UDP, from 10.0.0.2 to 10.0.0.1, with `octets` after the headers.
 *
 * @param {number} octets
 */
function packet(octets) {
  const bytes = Buffer.alloc(28 + octets);
  bytes.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 0, 1, 0, 2]);
  bytes.writeUInt16BE(bytes.length, 2);
  bytes.writeUInt16BE(8 + octets, 24);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += bytes.readUInt16BE(at);
  bytes.writeUInt16BE(0xffff - ((sum & 0xffff) + (sum >> 16)), 10);
  return bytes;
}

/** @param {TunBinding} tun */
function useQueue(tun) {
  const arrays = {
    bytes: new Uint8Array(16 * 1024),
    offset: new Uint32Array(16),
    length: new Uint32Array(16),
    etherType: new Uint16Array(16),
    mark: new Int32Array(16),
    clock: new Float64Array(2),
  };
  const wakeup = new addon.Wakeup();
  const options = { queue: 7, length: 64, copyRange: 512, batch: 16, wakeup: wakeup.fd, socket: -1, clockOffset: 0 };
  const first = new addon.Queue(options, arrays);
  const EBUSY = 16;
  expect(
    'a second listener',
    thrown(() => new addon.Queue(options, arrays)),
    EBUSY,
  );
  // As in a takeover: another queue goes on with a copy of the socket.
  const queue = new addon.Queue({ ...options, socket: first.fd }, arrays);
  first.close();
  queue.configure(64);
  const writer = new addon.PacketWriter(tun.fd);
  for (let i = 0; i < PACKETS; i++) expect('writing', writer.write(packet(i * 30), 0, 28 + i * 30), 0);
  let received = 0;
  for (let count = queue.receive(100, 50, 10); count > 0; count = queue.receive(10, 50, 10)) {
    arrays.mark.fill(5);
    arrays.mark[0] = -1;
    queue.settle(count);
    received += count;
  }
  expect('packets', received, PACKETS);
  wakeup.signal();
  expect('packets when woken', queue.receive(10_000, 0, 0), 0);
  writer.close();
  queue.close();
  wakeup.close();
}

function useMemory() {
  const fd = openSync(memory, 'w+');
  addon.allocate(fd, 3 * 4096);
  addon.lock(fd, 10);
  addon.unlock(fd);
  const mapping = new addon.Mapping(fd, 3 * 4096, true);
  const bytes = new Uint8Array(mapping.buffer);
  bytes[5000] = 1;
  truncateSync(memory, 0);
  expect('truncated memory', bytes[5000], 0);
  expect('damage', mapping.damaged, true);
  mapping.close();
  expect('closed memory', bytes[5000], undefined);
  const EINVAL = 22;
  expect(
    'mapping nothing',
    thrown(() => new addon.Mapping(fd, 0, true)),
    EINVAL,
  );
  addon.allocate(fd, 4096);
  // Left to the garbage collector.
  new Uint8Array(new addon.Mapping(fd, 4096, false).buffer)[0] = 1;
  closeSync(fd);
}

function useWatchdog() {
  const watchdog = new addon.Watchdog();
  watchdog.renew(60_000);
  watchdog.close();
  const EINVAL = 22;
  expect(
    'a closed watchdog',
    thrown(() => watchdog.renew(1)),
    EINVAL,
  );
  // Left to the garbage collector.
  new addon.Watchdog().renew(60_000);
}

/** A map of 16 elements of 8 octets, an array that can be mapped. */
function useBpf() {
  const attr = new Uint32Array([2, 4, 8, 16, 1 << 10, 0, 0, 0, 0, 0, 0, 0]);
  const fd = addon.bpf(0, new Uint8Array(attr.buffer), [], []);
  const mapping = new addon.Mapping(fd, 128, true);
  new Uint32Array(mapping.buffer)[2] = 77;
  const value = new Uint8Array(8);
  const lookup = new Uint8Array(new Uint32Array([fd, 0, 0, 0, 0, 0, 0, 0]).buffer);
  addon.bpf(1, lookup, [8, 16], [new Uint8Array([1, 0, 0, 0]), value]);
  expect('an element of the map', value[0], 77);
  const EINVAL = 22;
  expect(
    'a pointer outside',
    thrown(() => addon.bpf(1, lookup, [30], [value])),
    EINVAL,
  );
  expect('the index of lo', addon.interfaceIndex('lo'), 1);
  const ENODEV = 19;
  expect(
    'no interface',
    thrown(() => addon.interfaceIndex('none0')),
    ENODEV,
  );
  mapping.close();
  closeSync(fd);
}

/** A connection that is refused, and an echo to itself. */
function useConnections() {
  const loopback = Uint8Array.of(127, 0, 0, 1);
  const tcp = addon.connectSocket(1, 0, loopback, 9, 7);
  const icmp = addon.connectSocket(3, 1, loopback, 0, 0);
  writeSync(icmp, Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1));
  const POLLIN_AND_OUT = 5;
  const pollfds = new Int32Array([tcp, POLLIN_AND_OUT, icmp, POLLIN_AND_OUT]);
  const bytes = new Uint8Array(pollfds.buffer);
  expect('ready sockets', addon.pollSockets(bytes, 2), 2);
  const ECONNREFUSED = 111;
  expect('a refused connection', addon.socketError(tcp), ECONNREFUSED);
  const EFAULT = 14;
  const EINVAL = 22;
  expect(
    'more sockets than there are',
    thrown(() => addon.pollSockets(bytes, 3)),
    EFAULT,
  );
  expect(
    'an address of five octets',
    thrown(() => addon.connectSocket(1, 0, new Uint8Array(5), 9, 0)),
    EINVAL,
  );
  closeSync(tcp);
  closeSync(icmp);
}

/** A descriptor passed over a unix socket with an abstract name. */
async function useUnixSockets() {
  const name = `nfqlb-exercise-${process.pid}`;
  const server = createServer({ pauseOnConnect: true }).listen({ fd: addon.listenAbstract(name, 1) });
  const connections = once(server, 'connection');
  const client = addon.connectAbstract(name);
  const [connection] = await connections;
  addon.sendDescriptors(client, 'a copy of this socket', [client]);
  const { text, descriptors } = addon.receiveDescriptors(connection._handle.fd, 1000);
  expect('the text', text, 'a copy of this socket');
  expect('the descriptors', descriptors.length, 1);
  expect('the user', addon.peerCredentials(client).pid, process.pid);
  const ECONNREFUSED = 111;
  expect(
    'a datagram to nobody',
    thrown(() => addon.sendDatagram(`@${name}-none`, 'READY=1')),
    ECONNREFUSED,
  );
  for (const fd of [...descriptors, client]) closeSync(fd);
  connection.destroy();
  server.close();
  await once(server, 'close');
}

/** Of this thread; put back as it was, since all that follows runs on it. */
function useScheduling() {
  addon.setSlice(100);
  addon.setCpus([0, 1, 2, 3, 4, 5, 6, 7]);
  const EINVAL = 22;
  expect(
    'no CPU',
    thrown(() => addon.setCpus([])),
    EINVAL,
  );
  expect(
    'no such priority',
    thrown(() => addon.setRealTime(100)),
    EINVAL,
  );
}

const opensAll = `
  const { openSync } = require('node:fs');
  const addon = require(${JSON.stringify(file)});
  globalThis.held = [new addon.Wakeup(), new addon.Mapping(openSync(${JSON.stringify(memory)}), 4096, false)];`;

if (!globalThis.gc) throw new Error('must be started by node --expose-gc');
try {
  const tun = new addon.Tun('exercise0');
  shell(`
    echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
    ip link set lo up
    ip link set exercise0 up
    ip addr add 10.0.0.1/8 dev exercise0
    iptables -w -t mangle -A PREROUTING -p udp -j NFQUEUE --queue-num 7`);
  expect('MTU', tun.mtu, 1500);
  for (let round = 0; round < ROUNDS; round++) {
    useQueue(tun);
    useMemory();
    useBpf();
    useWatchdog();
    useConnections();
    useScheduling();
    await useUnixSockets();
    await new Promise((resolve, reject) => {
      if (round < 2) new Worker(opensAll, { eval: true }).once('exit', resolve).once('error', reject);
      else setImmediate(resolve);
    });
  }
  tun.close();
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  console.log(`${ROUNDS} rounds of ${PACKETS} packets, memory, and threads`);
} finally {
  rmSync(memory, { force: true });
}
