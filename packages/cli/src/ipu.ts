import { run } from '@nfqlb/options';
import { ipu } from './ipu/program.js';

await run(ipu());
