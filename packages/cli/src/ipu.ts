import { addCompletion, run } from '@nfqlb/options';
import { ipu } from './ipu/program.js';

const program = ipu();
addCompletion(program);
await run(program);
