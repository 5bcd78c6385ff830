// node held-connections.mjs '{…}': opens TCP connections to `traffic echo`, and asks on each, again when the answer has come, every `interval` ms.
// Prints "ready" when all are open; on SIGUSR2, and on SIGTERM before it ends, a line of JSON about what has happened since the last one.

import { connect } from 'node:net';

const { to, port, connections, interval, timeout } = JSON.parse(process.argv[2]);

function open() {
  const socket = connect({ host: to, port, noDelay: true });
  const one = { socket, target: undefined, isBroken: false, hasMoved: false, askedAt: undefined };
  const breaks = () => {
    one.isBroken = true;
    one.askedAt = undefined;
    socket.destroy();
  };
  one.breaks = breaks;
  one.opened = new Promise((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', resolve);
  });
  socket.on('error', breaks);
  socket.on('end', breaks);
  socket.setEncoding('latin1').on('data', (text) => {
    const target = Number.parseInt(text, 10);
    one.target ??= target;
    if (target !== one.target) one.hasMoved = true;
    waited(one);
    one.askedAt = undefined;
  });
  return one;
}

let longest = 0;
let answered = 0;
function waited({ askedAt }) {
  if (askedAt === undefined) return;
  longest = Math.max(longest, performance.now() - askedAt);
  answered++;
}

const all = Array.from({ length: connections }, open);
await Promise.all(all.map(({ opened }) => opened));

function ask(one) {
  if (one.isBroken) return;
  if (one.askedAt === undefined) {
    one.askedAt = performance.now();
    one.socket.write('?\n');
  } else if (performance.now() - one.askedAt > timeout) one.breaks();
}
// Not all at once.
for (const [i, one] of all.entries()) {
  setTimeout(
    () => {
      ask(one);
      setInterval(() => ask(one), interval);
    },
    (i * interval) / connections,
  );
}

/** By target, of those that `count`. */
function byTarget(count) {
  const counts = {};
  for (const one of all) if (count(one)) counts[one.target ?? 0] = (counts[one.target ?? 0] ?? 0) + 1;
  return counts;
}

function report() {
  const now = performance.now();
  const waiting = all.filter(({ isBroken, askedAt }) => !isBroken && askedAt !== undefined && now - askedAt > interval);
  const line = {
    answered,
    waiting: waiting.length,
    moved: all.filter(({ hasMoved }) => hasMoved).length,
    open: byTarget(({ isBroken }) => !isBroken),
    broken: byTarget(({ isBroken }) => isBroken),
    longestMs: Math.round(longest),
  };
  longest = 0;
  answered = 0;
  console.log(JSON.stringify(line));
}

process.on('SIGUSR2', report);
process.on('SIGTERM', () => {
  report();
  process.exit(0);
});
console.log('ready');
