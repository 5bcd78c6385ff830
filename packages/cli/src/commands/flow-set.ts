import { defineFlow, requireNetworks } from '@nfqlb/core/flows';
import { addTargetFlowOptions, Command, type TargetFlowOptions } from '@nfqlb/options';
import type { Field } from '@nfqlb/protocol/flow';
import { changeFlows, flowAddress } from '@nfqlb/protocol/flow';
import { flowNames, tableNames } from '../completion/names.js';

export function flowSetCommand(): Command {
  const command = new Command('flow-set').description(
    'define or redefine a flow; omitted options match everything; lists are comma-separated',
  ) as Command;
  return addTargetFlowOptions(command, { flows: flowNames, tables: tableNames })
    .examples(
      [
        'nfqlb flow-set --name=web --target=web --prio=10 --protocols=tcp --dsts=10.0.0.1/32 --dports=80,443',
        'TCP to two ports of a VIP goes by table web',
      ],
      ['nfqlb flow-set --name=rest --target=rest --dsts=10.0.0.1/32', 'everything else to it goes by table rest'],
    )
    .action(async ({ name, target, prio, ...options }: TargetFlowOptions) => {
      const given: Partial<Record<Field, string>> = { name, target, priority: prio, ...options };
      // Check first: nothing is sent that would be refused, or whose fields are not one line each.
      const flow = { ...given, name, target };
      defineFlow(flow);
      requireNetworks(flow);
      await changeFlows(flowAddress(), { action: 'set', fields: given }, { define: [flow], delete: [] });
      console.log('OK');
    }) as Command;
}
