import type { TargetTable } from '@nfqlb/core';
import { defineFlow } from '@nfqlb/core/flows';
import {
  addTargetFlowOptions,
  Command,
  canonicalArguments,
  decimalSeconds,
  fwmark,
  repeatable,
  selectCommand,
  type TargetFlowOptions,
  UsageError,
  weight,
  wholeNumber,
} from '@nfqlb/options';
import type { ScheduledChange } from './schedule.js';

/** Name of the table where none is given, as everywhere in nfqlb. */
export const DEFAULT_TABLE = 'nfqlb';

/**
 * Reads a value of `--at`: `1.5:deactivate 102`, a moment in seconds after the first packet and a command of nfqlb that changes a
 * table or a flow, with that command's options.
 *
 * @throws {@link UsageError}
 */
export function scheduledChange(text: string): ScheduledChange {
  const colon = text.indexOf(':');
  if (colon < 0) throw new UsageError('invalid-value', 'must be SECONDS:COMMAND, such as 1.5:"deactivate 102"', { value: text });
  const at = decimalSeconds(text.slice(0, colon));
  return { at, command: text, ...commandOf(text.slice(colon + 1)) };
}

type Effect = Omit<ScheduledChange, 'at' | 'command'>;

function commandOf(text: string): Effect {
  let effect: Effect | undefined;
  const changeTable = (shm: string, change: (table: TargetTable) => void): void => {
    effect = { table: shm, changesFlows: false, apply: ({ tables }) => change(tables.get(shm)!) };
  };
  const program = new Command('--at');
  program
    .command('activate')
    .argument('<fwmarks...>', 'the targets', repeatable(fwmark))
    .option('--shm <name>', 'target table', DEFAULT_TABLE)
    .option('--index <slot>', 'the slot to use', wholeNumber())
    .option('--weight <weight>', 'share of the buckets', weight, 1)
    .action((fwmarks: number[], { shm, index, weight: share }: { shm: string; index?: number; weight: number }) => {
      const targets = fwmarks.map((mark) => ({ fwmark: mark, weight: share }));
      changeTable(shm, (table) => (index === undefined ? table.activate(targets) : table.activateAt(index, targets[0]!)));
    });
  program
    .command('deactivate')
    .argument('[fwmarks...]', 'the targets', repeatable(fwmark))
    .option('--shm <name>', 'target table', DEFAULT_TABLE)
    .option('--index <slot>', 'the slot to free', wholeNumber())
    .action((fwmarks: number[], { shm, index }: { shm: string; index?: number }) =>
      changeTable(shm, (table) => (index === undefined ? table.deactivate(fwmarks) : table.deactivateAt(index))),
    );
  addTargetFlowOptions(program.command('flow-set') as Command).action(({ prio, ...options }: TargetFlowOptions) => {
    const flow = { ...options, priority: prio };
    defineFlow(flow);
    effect = { table: flow.target, changesFlows: true, apply: ({ flows }) => flows!.define(flow) };
  });
  program
    .command('flow-delete')
    .requiredOption('--name <name>', 'of the flow')
    .action(({ name }: { name: string }) => {
      effect = { changesFlows: true, apply: ({ flows }) => flows!.delete(name) };
    });
  const { command, args } = selectCommand(program, text.trim().split(/\s+/));
  program.parse([command.name(), ...canonicalArguments(command, args)], { from: 'user' });
  if (!effect) throw new UsageError('invalid-value', 'must be a command activate, deactivate, flow-set or flow-delete', { value: text });
  return effect;
}
