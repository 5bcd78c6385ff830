// A program for tests: opens an object read-only, and prints the result.

import { SharedMemory } from '../shared-memory.js';

try {
  SharedMemory.open(process.argv[2]!, { readOnly: true }).close();
  console.log('open');
} catch (error) {
  console.log((error as Error).message);
}
