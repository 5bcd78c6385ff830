// A program for tests: creates a small and a large object, and prints the results.

import { readdirSync } from 'node:fs';
import { SharedMemory } from '../shared-memory.js';

function create(name: string, size: number): string {
  try {
    SharedMemory.create(name, size, (buffer) => new Uint8Array(buffer).fill(1));
    return 'created';
  } catch (error) {
    return (error as Error).message;
  }
}

console.log(JSON.stringify({ small: create('small', 1000), large: create('large', 1_000_000), left: readdirSync('/dev/shm') }));
