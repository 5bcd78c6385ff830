// CPU time of checking 500 targets once a second, and for comparison that of as many connections with Node's own sockets, alternately. The server
// is another process. On a busy machine a turn of the event loop costs several times as much: compare the two.

import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HealthMonitor } from '../src/index.js';
import { completeHealth, tableHealthSchema } from '../src/settings/index.js';

const TARGETS = 500;
const GOAL_PERCENT = 5;
const SECONDS = 5;
const ROUNDS = 2;
const PORT = 18_090;
const ADDRESS = '127.0.0.1';

const CHECKS: readonly object[] = [
  { type: 'tcp', port: PORT },
  { type: 'http', port: PORT },
  { type: 'udp', port: PORT, send: 'ping' },
  { type: 'icmp' },
];

/** Answers over HTTP and UDP. */
async function serve(): Promise<void> {
  createServer((_request, response) => response.end()).listen(PORT, ADDRESS);
  const socket = createSocket('udp4', (message, { port, address }) => socket.send(message, port, address));
  socket.bind(PORT, ADDRESS);
  await once(socket, 'listening');
  process.send!('ready');
}

/** Percent of a core, from a second after the start on. */
async function cost(start: () => Promise<() => unknown>): Promise<number> {
  const stop = await start();
  await sleep(1000);
  const before = process.cpuUsage();
  const since = performance.now();
  await sleep(SECONDS * 1000);
  const { user, system } = process.cpuUsage(before);
  const percent = (user + system) / 10 / (performance.now() - since);
  await stop();
  return percent;
}

async function checks(health: object): Promise<() => unknown> {
  const completed = completeHealth(tableHealthSchema.parse({ ...health, interval: 1 }), undefined);
  if ('problems' in completed) throw new Error(JSON.stringify(completed.problems));
  const { settings } = completed;
  const monitor = new HealthMonitor({ onChange: ({ deactivate }) => console.log(`down: ${deactivate[0]?.reason}`) });
  const targets = Array.from({ length: TARGETS }, (_, i) => ({ fwmark: i + 1, addresses: [ADDRESS], settings, maintenance: false }));
  monitor.watch([{ name: 'bench', panic: 1, vips: [], targets }]);
  await monitor.settled();
  return () => monitor.close();
}

async function nodeSockets(): Promise<() => void> {
  const timers = Array.from({ length: TARGETS }, (_, i) => {
    const check = (): void => {
      const socket = connect(PORT, ADDRESS);
      const timeout = setTimeout(() => socket.destroy(), 1000);
      socket.once('connect', () => {
        clearTimeout(timeout);
        socket.resetAndDestroy();
      });
      timers[i] = setTimeout(check, 900 + 200 * Math.random());
    };
    return setTimeout(check, 1000 * Math.random());
  });
  return () => timers.forEach(clearTimeout);
}

async function measure(server: ChildProcess): Promise<void> {
  await once(server, 'message');
  for (let round = 0; round < ROUNDS; round++) {
    for (const health of CHECKS) {
      const percent = await cost(() => checks(health));
      console.log(`${TARGETS} targets, ${(health as { type: string }).type}: ${percent.toFixed(1)}% of a core (goal ${GOAL_PERCENT}%)`);
    }
    console.log(`${TARGETS} connections a second with Node's sockets: ${(await cost(nodeSockets)).toFixed(1)}% of a core`);
  }
  server.kill();
}

await (process.argv[2] === 'serve' ? serve() : measure(fork(process.argv[1]!, ['serve'])));
