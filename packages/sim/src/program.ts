import { addCompletion, Command } from '@nfqlb/options';
import { diffCommand } from './commands/diff.js';
import { drainCommand } from './commands/drain.js';
import { fragtableCommand } from './commands/fragtable.js';
import { generateCommand } from './commands/generate.js';
import { maglevCommand } from './commands/maglev.js';
import { pageCommand } from './commands/page.js';
import { replayCommand } from './commands/replay.js';
import { tierCommand } from './commands/tier.js';
import { VERSION } from './version.js';

/** The simulator. `sim` would be too general a name for an installed program. */
export function sim(): Command {
  const program = new Command('nfqlb-sim')
    .description('what would the load balancer do with this traffic?')
    .versioned(VERSION)
    .alsoKnownAs({
      run: ['replay'],
      play: ['replay'],
      simulate: ['replay'],
      fragments: ['fragtable'],
      'conntrack-test': ['fragtable'],
      hashing: ['maglev'],
      compare: ['maglev'],
      traffic: ['generate'],
    })
    .addCommand(replayCommand())
    .addCommand(fragtableCommand())
    .addCommand(drainCommand())
    .addCommand(maglevCommand())
    .addCommand(tierCommand())
    .addCommand(generateCommand())
    .addCommand(diffCommand())
    .addCommand(pageCommand()) as Command;
  addCompletion(program);
  return program;
}
