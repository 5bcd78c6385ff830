// A program for tests: with many threads, gives up all capabilities but those of its arguments, and prints what threads and a child have.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { type Capability, capabilityNames, keepOnly, type Privileges, parsePrivileges, readAllPrivileges } from '../capabilities.js';

const names = (set: bigint): string => capabilityNames(set).join(' ') || 'none';
const describe = ({ permitted, effective, ambient, bounding, noNewPrivileges }: Privileges): string =>
  `permitted ${names(permitted)}, effective ${names(effective)}, ambient ${names(ambient)}, bounding ${names(bounding)}, ${noNewPrivileges ? 'no new privileges' : 'may gain'}`;
const all = (): string[] => [...new Set(readAllPrivileges().map(describe))];

// Starts the pool's threads.
const own = await readFile('/proc/self/status', 'utf8');
const worker = new Worker("const { parentPort } = require('worker_threads'); parentPort.on('message', (m) => parentPort.postMessage(m))", {
  eval: true,
});
await once(worker, 'online');
const before = all();
keepOnly(process.argv.slice(2) as Capability[]);
worker.postMessage('?');
const [answer] = await once(worker, 'message');
const again = await readFile('/proc/self/status', 'utf8');
const child = describe(parsePrivileges(execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' })));
console.log(
  JSON.stringify({
    threads: readAllPrivileges().length,
    before,
    after: all(),
    child,
    answers: answer === '?' && again.length > 0 && own !== again,
  }),
);
await worker.terminate();
