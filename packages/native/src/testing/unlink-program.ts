// Deletes shared memory, for tests of other users' rights.

import { SharedMemory } from '../shared-memory.js';

try {
  SharedMemory.unlink(process.argv[2]!);
  console.log('deleted');
} catch (error) {
  console.log((error as Error).message);
}
