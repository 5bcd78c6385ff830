import { Command } from './command.js';
import { canonicalArguments, selectCommand } from './command-line.js';
import { addTargetFlowOptions, type TargetFlowOptions } from './flow-options.js';
import {
  type ActivateOptions,
  activated,
  addActivateOptions,
  addDeactivateOptions,
  addInitOptions,
  type DeactivateOptions,
  type InitOptions,
} from './table-options.js';
import { UsageError } from './usage-error.js';
import type { WeightedTarget } from './values/targets.js';

/** A command of nfqlb that changes tables or flows, as given. `shm` is absent if no table was named. */
export type ConfigurationCommand =
  | ({ readonly name: 'init' } & InitOptions)
  | {
      readonly name: 'activate';
      readonly shm: string | undefined;
      readonly targets: readonly WeightedTarget[];
      readonly index: number | undefined;
      readonly drain: number | undefined;
    }
  | {
      readonly name: 'deactivate';
      readonly shm: string | undefined;
      readonly fwmarks: readonly number[];
      readonly index: number | undefined;
      readonly drain: number | undefined;
    }
  | { readonly name: 'flow-set'; readonly flow: TargetFlowOptions }
  | { readonly name: 'flow-delete'; readonly flow: string };

/**
 * Reads a command as it would be given to nfqlb: `activate --weight=2 104`. Words may be in single or double quotes, as in a shell.
 *
 * @param names the commands that are allowed
 * @throws {@link UsageError}
 */
export function configurationCommand<N extends ConfigurationCommand['name']>(
  line: string,
  names: readonly N[],
): Extract<ConfigurationCommand, { name: N }> {
  let read: ConfigurationCommand | undefined;
  const program = new Command('command').helpCommand(false) as Command;
  const take = (command: ConfigurationCommand): void => {
    read = command;
  };
  const commands: Readonly<Record<ConfigurationCommand['name'], (command: Command) => void>> = {
    init: (command) => addInitOptions(command).action((options: InitOptions) => take({ name: 'init', ...options })),
    activate: (command) =>
      addActivateOptions(command).action((fwmarks: number[] | undefined, options: ActivateOptions) =>
        take({ name: 'activate', shm: options.shm, targets: activated(fwmarks, options), index: options.index, drain: options.drain }),
      ),
    deactivate: (command) =>
      addDeactivateOptions(command).action((fwmarks: number[] | undefined, { shm, index, drain }: DeactivateOptions) =>
        take({ name: 'deactivate', shm, fwmarks: fwmarks ?? [], index, drain }),
      ),
    'flow-set': (command) => addTargetFlowOptions(command).action((flow: TargetFlowOptions) => take({ name: 'flow-set', flow })),
    'flow-delete': (command) =>
      command
        .requiredOption('--name <name>', 'of the flow')
        .action(({ name }: { name: string }) => take({ name: 'flow-delete', flow: name })),
  };
  for (const name of names) commands[name](program.command(name) as Command);
  const { command, args } = selectCommand(program, wordsOf(line));
  if (command === program) throw new UsageError('invalid-value', `must be a command: one of ${names.join(', ')}`, { value: line });
  program.parse([command.name(), ...canonicalArguments(command, args)], { from: 'user' });
  return read as unknown as Extract<ConfigurationCommand, { name: N }>;
}

/** The words of a line, as a shell reads them: separated by blanks, except within quotes. */
function wordsOf(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+|["']/g) ?? [];
  return words.map((word) => {
    if (word === '"' || word === "'") throw new UsageError('invalid-value', `the quote ${word} is not closed`, { value: line });
    return word.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? '');
  });
}
