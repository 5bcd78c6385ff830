// A program for tests: creates the object named by its argument; for `half`, it kills itself while writing.

import { SharedMemory } from '../shared-memory.js';

const name = process.argv[2]!;
SharedMemory.create(name, 1000, () => {
  if (name === 'half') process.kill(process.pid, 'SIGKILL');
});
