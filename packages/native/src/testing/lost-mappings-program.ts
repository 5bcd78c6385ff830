// A program for tests: maps many objects, truncates some of them, reads all, and prints how many read as expected. Without a guard the
// kernel kills it with SIGBUS; with a guard that mistakes a neighbour's page for its own it never ends.

import { truncateSync } from 'node:fs';
import { SharedMemory } from '../shared-memory.js';

const [, , prefix = '', count = '', octets = ''] = process.argv;
const names = Array.from({ length: Number(count) }, (_, i) => `${prefix}-${i}`);
const filler = `${prefix}-filler`;
for (const name of names) SharedMemory.create(name, Number(octets), (buffer) => new Uint8Array(buffer).fill(7));
SharedMemory.create(filler, 2 * Number(octets), () => {});

const memories = names.map((name) => SharedMemory.open(name));
// Linux maps downwards. To get mappings right above a previously guarded one, every other one is closed, its slot in the guard is taken by
// a larger one that does not fit into its pages, and it is mapped again.
const isMoved = (i: number): boolean => i % 2 === 0;
for (const memory of memories.filter((_, i) => isMoved(i))) memory.close();
const fillers = names.filter((_, i) => isMoved(i)).map(() => SharedMemory.open(filler));
names.forEach((name, i) => {
  if (isMoved(i)) memories[i] = SharedMemory.open(name);
});

const isLost = (i: number): boolean => i % 3 === 1 || i === names.length - 1;
names.forEach((name, i) => {
  if (isLost(i)) truncateSync(`/dev/shm/${name}`, 0);
});
const right = memories.filter(({ buffer }, i) => new Uint8Array(buffer).at(-1) === (isLost(i) ? 0 : 7));
const damaged = memories.filter(({ damaged }, i) => damaged === isLost(i));
for (const memory of [...memories, ...fillers]) memory.close();
for (const name of [...names, filler]) SharedMemory.unlink(name);
console.log(JSON.stringify({ right: right.length, damaged: damaged.length }));
