// A thread that ends the process when one input takes forever, and says which.

import { parentPort, workerData } from 'node:worker_threads';
import type { WatchedMemory } from './watch.js';

const { words, octets, limit } = workerData as WatchedMemory;
let last = -1;
let since = performance.now();
setInterval(() => {
  const now = Atomics.load(words, 0);
  if (now !== last) {
    last = now;
    since = performance.now();
  } else if (performance.now() - since > limit) {
    const input = Buffer.from(octets.slice(0, Atomics.load(words, 1))).toString('base64');
    process.stdout.write(`FAILED: it does not end\n  input ${input}\n`);
    process.exit(1);
  }
}, 500);
parentPort?.unref();
