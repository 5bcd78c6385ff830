import { type ActivateOptions, activated, addActivateOptions, Command } from '@nfqlb/options';
import { changeTable, DEFAULT_TABLE, drainFor } from '@nfqlb/protocol/tables';
import { TABLE_NAMES } from '../completion/names.js';
import { warnOfMissingRules } from '../fwmarks/missing-rules.js';

export function activateCommand(): Command {
  const command = new Command('activate').description(
    'activate targets, each in the first free slot, or one in a given slot; an active target keeps its slot',
  ) as Command;
  return addActivateOptions(command, DEFAULT_TABLE, TABLE_NAMES)
    .examples(
      ['nfqlb activate 101 102', 'two targets, each in the first free slot'],
      ['nfqlb activate --shm=web --weight=2 103', 'one that gets twice as many buckets'],
      ['nfqlb activate --drain=60 104', 'connections of the others stay where they are'],
    )
    .action(activate) as Command;
}

function activate(fwmarks: readonly number[] | undefined, options: ActivateOptions): void {
  const { shm = DEFAULT_TABLE, index } = options;
  const targets = activated(fwmarks, options);
  if (options.weight === 0)
    console.error('nfqlb activate: warning: with --weight=0 a target gets no new traffic, unless all have weight 0');
  let own = 0;
  changeTable(shm, (table) => {
    own = table.ownFwmark;
    const drain = drainFor(table, options.drain);
    if (index === undefined) table.activate(targets, drain);
    else if (targets[0]) table.activateAt(index, targets[0], drain);
  });
  // In the table of a tier, packets with the load balancer's own fwmark stay here.
  warnOfMissingRules(
    'activate',
    targets.map(({ fwmark }) => fwmark).filter((fwmark) => fwmark !== own),
  );
}
