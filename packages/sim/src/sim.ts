import { addCompletion, Command, run } from '@nfqlb/options';
import { fragtableCommand } from './commands/fragtable.js';
import { replayCommand } from './commands/replay.js';

const program = new Command('nfqlb-sim')
  .description('what would the load balancer do with this traffic?')
  .addCommand(replayCommand())
  .addCommand(fragtableCommand());

addCompletion(program);
await run(program);
