import { run } from '@nfqlb/options';
import { nfqlb } from './nfqlb/program.js';

await run(await nfqlb(process.argv.slice(2)));
