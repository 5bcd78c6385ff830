// Runs in the client's container: node client.mjs hold|dial '{…}'. Prints what it has seen, as JSON.
//
// hold: makes so many TCP connections and asks on each, every `interval` ms, until the file `stop` is there.
// dial: makes a connection every `interval` ms, asks once and closes it, until the file `stop` is there.
//
// What a target answers to a line is its host name.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [what, json] = process.argv.slice(2);
const { to, port, connections = 1, interval, stop, patience = 5000 } = JSON.parse(json);

/** @returns the connection, with what it went through so far */
function open() {
  const begin = performance.now();
  const made = { asked: 0, answers: [], connectMs: undefined, error: undefined, socket: connect({ host: to, port, noDelay: true }) };
  const { socket } = made;
  socket.setEncoding('latin1');
  made.connected = new Promise((resolve) => {
    socket.on('connect', () => {
      made.connectMs = performance.now() - begin;
      resolve();
    });
    socket.on('close', resolve);
  });
  socket.on('error', ({ code }) => {
    made.error ??= code;
  });
  socket.on('end', () => {
    made.error ??= 'closed by the target';
  });
  socket.setTimeout(patience, () => {
    made.error ??= 'no answer';
    socket.destroy();
  });
  socket.on('data', (text) => made.answers.push(...text.split('\n').filter(Boolean)));
  return made;
}

function ask(made) {
  if (made.error !== undefined || made.connectMs === undefined) return;
  made.asked++;
  made.socket.write('?\n');
}

async function answered(made) {
  const deadline = performance.now() + patience;
  while (made.error === undefined && made.answers.length < made.asked && performance.now() < deadline) await sleep(2);
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
    const made = open();
    all.push(made);
    made.done = made.connected.then(() => {
      ask(made);
      return answered(made).then(() => made.socket.destroy());
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
