import { run } from '@nfqlb/options';
import { sim } from './program.js';

await run(sim());
