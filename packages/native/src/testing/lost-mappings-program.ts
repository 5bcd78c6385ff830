// A program for tests: maps many objects, truncates some of them, reads all, and prints how many read as they should. Without a guard the
// kernel ends it with SIGBUS, and with one that takes a neighbour's page for its own it never ends.

import { truncateSync } from 'node:fs';
import { SharedMemory } from '../shared-memory.js';

const [, , prefix = '', count = '', octets = ''] = process.argv;
const names = Array.from({ length: Number(count) }, (_, i) => `${prefix}-${i}`);
const memories = names.map((name) => {
  SharedMemory.create(name, Number(octets), (buffer) => new Uint8Array(buffer).fill(7));
  return SharedMemory.open(name);
});
const isLost = (i: number): boolean => i % 3 === 1 || i === names.length - 1;
names.forEach((name, i) => {
  if (isLost(i)) truncateSync(`/dev/shm/${name}`, 0);
});
const right = memories.filter(({ buffer }, i) => new Uint8Array(buffer).at(-1) === (isLost(i) ? 0 : 7));
const damaged = memories.filter(({ damaged }, i) => damaged === isLost(i));
for (const memory of memories) memory.close();
for (const name of names) SharedMemory.unlink(name);
console.log(JSON.stringify({ right: right.length, damaged: damaged.length }));
