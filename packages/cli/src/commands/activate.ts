import { MAX_BUCKETS } from '@nfqlb/core/maglev';
import { Command, fwmark, repeatable, text, UsageError, weight, wholeNumber } from '@nfqlb/options';
import { tableNames } from '../completion/names.js';
import { changeTable, DEFAULT_TABLE } from '../table/shared-table.js';

interface ActivateOptions {
  readonly shm: string;
  readonly index?: number;
  readonly weight: number;
}

export function activateCommand(): Command {
  return new Command('activate')
    .description('activate targets, each in the first free slot; or one in a given slot. One that is active already keeps its slot')
    .argument('[fwmarks...]', 'the targets', repeatable(fwmark))
    .option('--shm <name>', 'target table', text(tableNames), DEFAULT_TABLE)
    .option('--index <slot>', 'the slot to use, from 0 to N-1', wholeNumber({ max: MAX_BUCKETS }))
    .option('--weight <weight>', 'share of the buckets, in proportion to the others', weight, 1)
    .action(activate) as Command;
}

function activate(fwmarks: readonly number[] | undefined, { shm, index, weight: share }: ActivateOptions): void {
  const targets = (fwmarks ?? []).map((mark) => ({ fwmark: mark, weight: share }));
  if (index !== undefined && targets.length > 1) {
    throw new UsageError('invalid-value', `a slot takes one fwmark, not ${targets.length}`, { option: '--index', value: String(index) });
  }
  changeTable(shm, (table) => {
    if (index === undefined) table.activate(targets);
    else if (targets[0]) table.activateAt(index, targets[0]);
  });
}
