import { MAX_BUCKETS } from '@nfqlb/core/maglev';
import { Command, fwmark, repeatable, suggesting, text, wholeNumber } from '@nfqlb/options';
import { activeFwmarks, tableNames } from '../completion/names.js';
import { changeTable, DEFAULT_TABLE } from '../table/shared-table.js';

interface DeactivateOptions {
  readonly shm: string;
  readonly index?: number;
}

export function deactivateCommand(): Command {
  return new Command('deactivate')
    .description('take targets out; one that is not active is no error')
    .argument('[fwmarks...]', 'the targets', repeatable(suggesting(fwmark, activeFwmarks)))
    .option('--shm <name>', 'target table', text(tableNames), DEFAULT_TABLE)
    .option('--index <slot>', 'the slot to free, from 0 to N-1', wholeNumber({ max: MAX_BUCKETS }))
    .action(deactivate) as Command;
}

function deactivate(fwmarks: readonly number[] | undefined, { shm, index }: DeactivateOptions): void {
  changeTable(shm, (table) => {
    if (index === undefined) table.deactivate(fwmarks ?? []);
    else table.deactivateAt(index);
  });
}
