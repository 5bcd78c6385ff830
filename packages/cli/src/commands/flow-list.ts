import { Command, text, UsageError } from '@nfqlb/options';
import { flowAddress, sendFlowCommand } from '@nfqlb/protocol/flow';
import { flowNames } from '../completion/names.js';
import { alreadyJson } from './already-json.js';

export function flowListCommand(): Command {
  return new Command('flow-list')
    .description('print flows as JSON: all, or the one with the given name')
    .option('--name <name>', 'name of a flow', text(flowNames))
    .addOption(alreadyJson())
    .examples(['nfqlb flow-list', 'all flows, with the packets that each has got'], ['nfqlb flow-list --name=web', 'one of them'])
    .action(async ({ name }: { name?: string }) => {
      if (name !== undefined && /[\r\n]/.test(name)) {
        throw new UsageError('invalid-value', 'must be one line', { option: '--name', value: JSON.stringify(name) });
      }
      console.log(await sendFlowCommand(flowAddress(), { action: 'list', fields: name === undefined ? {} : { name } }));
    }) as Command;
}

export function flowListNamesCommand(): Command {
  return new Command('flow-list-names')
    .description('print the names of the flows as a JSON array')
    .addOption(alreadyJson())
    .examples(['nfqlb flow-list-names', 'the names in one line'])
    .action(async () => console.log(await sendFlowCommand(flowAddress(), { action: 'list-names', fields: {} }))) as Command;
}
