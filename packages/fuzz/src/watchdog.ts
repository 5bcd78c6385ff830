// A thread that ends the process when one input takes forever, and says which.

import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { waitedForCpu } from './waited-for-cpu.js';
import type { WatchedMemory } from './watch.js';

const { words, octets, limit } = workerData as WatchedMemory;
let last = -1;
/** Time that passes while the process can run. */
const now = (): number => performance.now() - waitedForCpu();
let since = now();
setInterval(() => {
  const tried = Atomics.load(words, 0);
  if (tried !== last) {
    last = tried;
    since = now();
  } else if (now() - since > limit) {
    const input = Buffer.from(octets.slice(0, Atomics.load(words, 1))).toString('base64');
    // Output of a thread goes by way of the main thread, and process.exit ends only the thread: that which does not end would never see either.
    writeSync(1, `FAILED: it does not end\n  input ${input}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}, 500);
parentPort?.unref();
