// A program for tests: creates the object that it is given as argument; `half` is killed while it writes it.

import { SharedMemory } from '../shared-memory.js';

const name = process.argv[2]!;
SharedMemory.create(name, 1000, () => {
  if (name === 'half') process.kill(process.pid, 'SIGKILL');
});
