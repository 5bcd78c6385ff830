import { addCompletion, Command, run } from '@nfqlb/options';
import { fragtableCommand } from './commands/fragtable.js';
import { replayCommand } from './commands/replay.js';

const program = new Command('sim')
  .description('what would the load balancer do with this traffic?')
  .addCommand(replayCommand())
  .addCommand(fragtableCommand());

addCompletion(program, 'nfqlb-sim');
await run(program);
