import { defineFlow, requireNetworks } from '@nfqlb/core/flows';
import { addFlowOptions, Command, type FlowOptions, text, UsageError } from '@nfqlb/options';
import type { Field } from '@nfqlb/protocol/flow';
import { FlowCommandError, flowAddress, sendFlowCommand } from '@nfqlb/protocol/flow';
import { traceFlowNames } from '../completion/names.js';

interface TraceFlowOptions extends FlowOptions {
  readonly name: string;
}

export function traceFlowSetCommand(): Command {
  const command = new Command('trace-flow-set')
    .description('choose packets for nfqlb trace --selection=flows; what is not given matches everything; lists are separated by commas')
    .requiredOption('--name <name>', 'of the trace flow', text(traceFlowNames));
  return addFlowOptions(command as Command).action(async (options: TraceFlowOptions) => {
    // Nothing goes out that would be refused, or that is not one line a field.
    defineFlow({ ...options, target: '-' });
    requireNetworks(options);
    await say('trace-set', { ...options });
  }) as Command;
}

export function traceFlowDeleteCommand(): Command {
  return new Command('trace-flow-delete')
    .description('delete a trace flow; none of that name is no error')
    .requiredOption('--name <name>', 'of the trace flow', text(traceFlowNames))
    .action(async ({ name }: { name: string }) => say('trace-delete', { name: oneLine(name) })) as Command;
}

export function traceFlowListCommand(): Command {
  return new Command('trace-flow-list')
    .description('print the trace flows as JSON, with the packets traced for each: all, or the one of a name')
    .option('--name <name>', 'of a trace flow', text(traceFlowNames))
    .action(async ({ name }: { name?: string }) => say('trace-list', name === undefined ? {} : { name: oneLine(name) })) as Command;
}

export function traceFlowListNamesCommand(): Command {
  return new Command('trace-flow-list-names')
    .description('print the names of the trace flows as a JSON array')
    .action(async () => say('trace-list-names', {})) as Command;
}

type TraceAction = 'trace-set' | 'trace-delete' | 'trace-list' | 'trace-list-names';

async function say(action: TraceAction, fields: Partial<Record<Field, string>>): Promise<void> {
  console.log(await sendFlowCommand(flowAddress(), { action, fields }).catch(silenceIsConsent));
}

/** C nfqlb says nothing when it has done what it was told about trace flows; only a refusal it says. */
function silenceIsConsent(error: unknown): string {
  if (error instanceof FlowCommandError && error.code === 'CLOSED') return 'OK';
  throw error;
}

function oneLine(name: string): string {
  if (!/[\r\n]/.test(name)) return name;
  throw new UsageError('invalid-value', 'must be one line', { option: '--name', value: JSON.stringify(name) });
}
