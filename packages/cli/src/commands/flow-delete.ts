import { Command, text, UsageError } from '@nfqlb/options';
import { changeFlows, flowAddress } from '@nfqlb/protocol/flow';
import { flowNames } from '../completion/names.js';

export function flowDeleteCommand(): Command {
  return new Command('flow-delete')
    .description('delete a flow; it need not exist')
    .requiredOption('--name <name>', 'name of the flow', text(flowNames))
    .examples(['nfqlb flow-delete --name=web', 'the flow called web'])
    .action(async ({ name }: { name: string }) => {
      if (/[\r\n]/.test(name)) throw new UsageError('invalid-value', 'must be one line', { option: '--name', value: JSON.stringify(name) });
      await changeFlows(flowAddress(), { action: 'delete', fields: { name } }, { define: [], delete: [name] });
      console.log('OK');
    }) as Command;
}
