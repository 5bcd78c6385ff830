import { addDeactivateOptions, Command, type DeactivateOptions } from '@nfqlb/options';
import { changeTable, DEFAULT_TABLE } from '@nfqlb/protocol/tables';
import { TABLE_NAMES } from '../completion/names.js';

export function deactivateCommand(): Command {
  const command = new Command('deactivate').description('deactivate targets; inactive ones are ignored') as Command;
  return addDeactivateOptions(command, DEFAULT_TABLE, TABLE_NAMES)
    .examples(
      ['nfqlb deactivate 102', 'new traffic goes to the others'],
      ['nfqlb deactivate --shm=web --index=3', 'whatever target is in slot 3'],
    )
    .action(deactivate) as Command;
}

function deactivate(fwmarks: readonly number[] | undefined, { shm = DEFAULT_TABLE, index }: DeactivateOptions): void {
  changeTable(shm, (table) => {
    if (index === undefined) table.deactivate(fwmarks ?? []);
    else table.deactivateAt(index);
  });
}
