import { type Command as CommanderCommand, Option as CommanderOption } from 'commander';
import { versionOf } from './command.js';

/** Every command has it. */
export const HELP: CommanderOption = new CommanderOption('-h, --help', 'display help for command');

/** Every command of a program that has said its version has it. */
export const VERSION: CommanderOption = new CommanderOption('-V, --version', 'print the version');

/** All options of a command, its own first. */
export function optionsOf(command: CommanderCommand): CommanderOption[] {
  return [...command.options, HELP, ...(versionOf(command) === undefined ? [] : [VERSION])];
}
