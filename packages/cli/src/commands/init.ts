import { TargetTable } from '@nfqlb/core/maglev';
import { addInitOptions, Command, type InitOptions } from '@nfqlb/options';
import { DEFAULT_TABLE, replaceTable } from '@nfqlb/protocol/tables';
import { TABLE_NAMES } from '../completion/names.js';

export function initCommand(): Command {
  const command = new Command('init').description('create a target table in shared memory') as Command;
  return addInitOptions(command, DEFAULT_TABLE, TABLE_NAMES).action(init) as Command;
}

function init({ shm = DEFAULT_TABLE, M, N, ownfw, permutation }: InitOptions): void {
  const options = { M, N, ownFwmark: ownfw, permutation };
  const adjusted = TargetTable.bucketsFor(options);
  if (adjusted !== M) console.log(`M adjusted; ${M} -> ${adjusted}`);
  replaceTable(shm, options);
}
