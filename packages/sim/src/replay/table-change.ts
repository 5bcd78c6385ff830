import type { TargetTable } from '@nfqlb/core';
import {
  Command,
  canonicalArguments,
  decimalSeconds,
  fwmark,
  repeatable,
  selectCommand,
  UsageError,
  weight,
  wholeNumber,
} from '@nfqlb/options';
import type { ScheduledChange } from './schedule.js';

/**
 * Reads a value of `--at`: `1.5:deactivate 102`, a moment in seconds after the first packet and a command of nfqlb that changes a
 * table, with that command's options.
 *
 * @throws {@link UsageError}
 */
export function scheduledChange(text: string): ScheduledChange {
  const colon = text.indexOf(':');
  if (colon < 0) throw new UsageError('invalid-value', 'must be SECONDS:COMMAND, such as 1.5:"deactivate 102"', { value: text });
  const at = decimalSeconds(text.slice(0, colon));
  return { at, apply: tableChange(text.slice(colon + 1)) };
}

function tableChange(text: string): (table: TargetTable) => void {
  let change: ((table: TargetTable) => void) | undefined;
  const program = new Command('--at');
  program
    .command('activate')
    .argument('<fwmarks...>', 'the targets', repeatable(fwmark))
    .option('--index <slot>', 'the slot to use', wholeNumber())
    .option('--weight <weight>', 'share of the buckets', weight, 1)
    .action((fwmarks: number[], options: { index?: number; weight: number }) => {
      const targets = fwmarks.map((mark) => ({ fwmark: mark, weight: options.weight }));
      const { index } = options;
      change = (table) => (index === undefined ? table.activate(targets) : table.activateAt(index, targets[0]!));
    });
  program
    .command('deactivate')
    .argument('[fwmarks...]', 'the targets', repeatable(fwmark))
    .option('--index <slot>', 'the slot to free', wholeNumber())
    .action((fwmarks: number[], { index }: { index?: number }) => {
      change = (table) => (index === undefined ? table.deactivate(fwmarks) : table.deactivateAt(index));
    });
  const { command, args } = selectCommand(program, text.trim().split(/\s+/));
  program.parse([command.name(), ...canonicalArguments(command, args)], { from: 'user' });
  if (!change) throw new UsageError('invalid-value', 'must be a command activate or deactivate', { value: text });
  return change;
}
