// A program for tests: prints whether an object is used in another network namespace.

import { SharedMemory } from '../shared-memory.js';

console.log(SharedMemory.open(process.argv[2]!, { readOnly: true }).isUsedElsewhere);
