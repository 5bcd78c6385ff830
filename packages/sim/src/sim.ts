import { Command, run } from '@nfqlb/options';
import { replayCommand } from './commands/replay.js';

const program = new Command('sim').description('what would the load-balancer do with this traffic?').addCommand(replayCommand());

await run(program);
