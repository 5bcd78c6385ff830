import { addDeactivateOptions, Command, type DeactivateOptions } from '@nfqlb/options';
import { changeTable, DEFAULT_TABLE, drainFor } from '@nfqlb/protocol/tables';
import { TABLE_NAMES } from '../completion/names.js';

export function deactivateCommand(): Command {
  const command = new Command('deactivate').description('deactivate targets; inactive ones are ignored') as Command;
  return addDeactivateOptions(command, DEFAULT_TABLE, TABLE_NAMES)
    .examples(
      ['nfqlb deactivate 102', 'new traffic goes to the others'],
      ['nfqlb deactivate --drain=60 102', 'it keeps the connections that send something within a minute, until they end'],
      ['nfqlb deactivate --shm=web --index=3', 'whatever target is in slot 3'],
    )
    .action(deactivate) as Command;
}

function deactivate(fwmarks: readonly number[] | undefined, { shm = DEFAULT_TABLE, index, drain: seconds }: DeactivateOptions): void {
  changeTable(shm, (table) => {
    const drain = drainFor(table, seconds);
    if (index === undefined) table.deactivate(fwmarks ?? [], drain);
    else table.deactivateAt(index, drain);
  });
}
