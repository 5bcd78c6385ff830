import { runLoaded } from '@nfqlb/options';
import { nfqlb } from './nfqlb/program.js';

await runLoaded('nfqlb', () => nfqlb(process.argv.slice(2)));
