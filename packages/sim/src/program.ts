import { addCompletion, Command } from '@nfqlb/options';
import { fragtableCommand } from './commands/fragtable.js';
import { replayCommand } from './commands/replay.js';

/** The simulator. `sim` would be too general a name for an installed program. */
export function sim(): Command {
  const program = new Command('nfqlb-sim')
    .description('what would the load balancer do with this traffic?')
    .addCommand(replayCommand())
    .addCommand(fragtableCommand());
  addCompletion(program);
  return program as Command;
}
