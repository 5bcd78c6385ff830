import { MAX_BUCKETS, MAX_FWMARK, type PermutationKind, TargetTable } from '@nfqlb/core/maglev';
import { Command, oneOf, text, wholeNumber } from '@nfqlb/options';
import { tableNames } from '../completion/names.js';
import { createTable, DEFAULT_TABLE } from '../table/shared-table.js';

interface InitOptions {
  readonly shm: string;
  readonly M: number;
  readonly N: number;
  readonly ownfw: number;
  readonly permutation: PermutationKind;
}

export function initCommand(): Command {
  return new Command('init')
    .description('create a target table in shared memory')
    .option('--shm <name>', 'its name', text(tableNames), DEFAULT_TABLE)
    .option('--M <buckets>', 'buckets; lowered to a prime', wholeNumber({ max: 0xffffffff }), 997)
    .option('--N <slots>', 'most targets', wholeNumber({ min: 1, max: MAX_BUCKETS }), 32)
    .option('--ownfw <fwmark>', 'in the table of a load-balancer tier, the fwmark of this one', wholeNumber({ max: MAX_FWMARK }), 0)
    .option('--permutation <kind>', 'fwmark: the same targets give the same table; nfqlb: as C nfqlb', oneOf('fwmark', 'nfqlb'), 'fwmark')
    .action(init) as Command;
}

function init({ shm, M, N, ownfw, permutation }: InitOptions): void {
  const options = { M, N, ownFwmark: ownfw, permutation };
  const adjusted = TargetTable.bucketsFor(options);
  if (adjusted !== M) console.log(`M adjusted; ${M} -> ${adjusted}`);
  createTable(shm, options);
}
