// Runs in the client's container: node client.mjs hold|dial '{…}'. Prints its results as JSON.
//
// hold: opens `connections` TCP connections and sends a request on each, every `interval` ms, until the file `stop` exists.
// dial: opens a connection every `interval` ms, sends one request and closes it, until the file `stop` exists.
//
// A target answers each line with its host name.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [what, json] = process.argv.slice(2);
const { to, port, connections = 1, interval, stop, timeout = 5000 } = JSON.parse(json);

/** @returns the connection, with its results so far */
function open() {
  const begin = performance.now();
  const connection = { asked: 0, answers: [], connectMs: undefined, error: undefined, socket: connect({ host: to, port, noDelay: true }) };
  const { socket } = connection;
  socket.setEncoding('latin1');
  connection.connected = new Promise((resolve) => {
    socket.on('connect', () => {
      connection.connectMs = performance.now() - begin;
      resolve();
    });
    socket.on('close', resolve);
  });
  socket.on('error', ({ code }) => {
    connection.error ??= code;
  });
  socket.on('end', () => {
    connection.error ??= 'closed by the target';
  });
  socket.setTimeout(timeout, () => {
    connection.error ??= 'no answer';
    socket.destroy();
  });
  socket.on('data', (text) => connection.answers.push(...text.split('\n').filter(Boolean)));
  return connection;
}

function ask(connection) {
  if (connection.error !== undefined || connection.connectMs === undefined) return;
  connection.asked++;
  connection.socket.write('?\n');
}

async function answered(connection) {
  const deadline = performance.now() + timeout;
  while (connection.error === undefined && connection.answers.length < connection.asked && performance.now() < deadline) await sleep(2);
}

async function hold() {
  const all = Array.from({ length: connections }, open);
  await Promise.all(all.map(({ connected }) => connected));
  for (;;) {
    all.forEach(ask);
    if (existsSync(stop)) break;
    await sleep(interval);
  }
  await Promise.all(all.map(answered));
  return all;
}

async function dial() {
  const all = [];
  while (!existsSync(stop)) {
    const connection = open();
    all.push(connection);
    connection.done = connection.connected.then(() => {
      ask(connection);
      return answered(connection).then(() => connection.socket.destroy());
    });
    await sleep(interval);
  }
  await Promise.all(all.map(({ done }) => done));
  return all;
}

const all = await (what === 'hold' ? hold() : dial());
const times = all
  .map(({ connectMs }) => connectMs)
  .filter((time) => time !== undefined)
  .sort((a, b) => a - b);
const byTarget = {};
for (const { answers } of all) if (answers.length > 0) byTarget[answers[0]] = (byTarget[answers[0]] ?? 0) + 1;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
console.log(
  JSON.stringify({
    connections: all.length,
    connected: times.length,
    errors: all.map(({ error }) => error).filter((error) => error !== undefined),
    asked: sum(all.map(({ asked }) => asked)),
    answered: sum(all.map(({ answers }) => answers.length)),
    moved: all.filter(({ answers }) => new Set(answers).size > 1).length,
    byTarget,
    targets: all.map(({ answers }) => answers[0] ?? ''),
    connectMs: { p50: times[times.length >> 1] ?? 0, longest: times.at(-1) ?? 0 },
  }),
);
process.exit(0);
