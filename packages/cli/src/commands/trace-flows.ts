import { defineFlow, requireNetworks } from '@nfqlb/core/flows';
import { addFlowOptions, Command, type FlowOptions, text, UsageError } from '@nfqlb/options';
import type { Field } from '@nfqlb/protocol/flow';
import { FlowCommandError, flowAddress, sendFlowCommand } from '@nfqlb/protocol/flow';
import { traceFlowNames } from '../completion/names.js';
import { alreadyJson } from './already-json.js';

interface TraceFlowOptions extends FlowOptions {
  readonly name: string;
}

export function traceFlowSetCommand(): Command {
  const command = new Command('trace-flow-set')
    .description('select packets for nfqlb trace --selection=flows; omitted options match everything; lists are comma-separated')
    .requiredOption('--name <name>', 'name of the trace flow', text(traceFlowNames));
  return addFlowOptions(command as Command)
    .examples(['nfqlb trace-flow-set --name=client --srcs=192.0.2.7/32', 'packets of one client, for nfqlb trace --selection=flows'])
    .action(async (options: TraceFlowOptions) => {
      // Check first: nothing is sent that would be refused, or whose fields are not one line each.
      defineFlow({ ...options, target: '-' });
      requireNetworks(options);
      await sendAndPrint('trace-set', { ...options });
    }) as Command;
}

export function traceFlowDeleteCommand(): Command {
  return new Command('trace-flow-delete')
    .description('delete a trace flow; it need not exist')
    .requiredOption('--name <name>', 'name of the trace flow', text(traceFlowNames))
    .examples(['nfqlb trace-flow-delete --name=client', 'the trace flow called client'])
    .action(async ({ name }: { name: string }) => sendAndPrint('trace-delete', { name: oneLine(name) })) as Command;
}

export function traceFlowListCommand(): Command {
  return new Command('trace-flow-list')
    .description('print trace flows as JSON, with the number of packets traced for each: all, or the one with the given name')
    .option('--name <name>', 'name of a trace flow', text(traceFlowNames))
    .addOption(alreadyJson())
    .examples(['nfqlb trace-flow-list', 'all, with the packets that were traced'])
    .action(async ({ name }: { name?: string }) =>
      sendAndPrint('trace-list', name === undefined ? {} : { name: oneLine(name) }),
    ) as Command;
}

export function traceFlowListNamesCommand(): Command {
  return new Command('trace-flow-list-names')
    .description('print the names of the trace flows as a JSON array')
    .addOption(alreadyJson())
    .examples(['nfqlb trace-flow-list-names', 'the names in one line'])
    .action(async () => sendAndPrint('trace-list-names', {})) as Command;
}

type TraceAction = 'trace-set' | 'trace-delete' | 'trace-list' | 'trace-list-names';

async function sendAndPrint(action: TraceAction, fields: Partial<Record<Field, string>>): Promise<void> {
  console.log(await sendFlowCommand(flowAddress(), { action, fields }).catch(okIfClosed));
}

/** C nfqlb closes the connection without an answer when a trace flow command succeeds; it only reports refusals. */
function okIfClosed(error: unknown): string {
  if (error instanceof FlowCommandError && error.code === 'CLOSED') return 'OK';
  throw error;
}

function oneLine(name: string): string {
  if (!/[\r\n]/.test(name)) return name;
  throw new UsageError('invalid-value', 'must be one line', { option: '--name', value: JSON.stringify(name) });
}
