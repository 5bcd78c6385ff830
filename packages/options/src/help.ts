import { type Command as CommanderCommand, type Option as CommanderOption, Help } from 'commander';
import { Command, versionOf } from './command.js';
import { VERSION } from './standard-options.js';

/** What a failure looks like, in every command. */
export const EXIT_STATUS = '0; or 1 after an error, which is a line on stderr';

/** The help of a program or command: commander's, then examples and what the exit status means. */
export class CommandHelp extends Help {
  override visibleOptions(command: CommanderCommand): CommanderOption[] {
    const options = super.visibleOptions(command);
    return versionOf(command) === undefined ? options : [...options, VERSION];
  }

  override optionDescription(option: CommanderOption): string {
    const description = super.optionDescription(option);
    return option.mandatory ? `${description} (required)` : description;
  }

  /** In a list of commands, the first part says enough. */
  override subcommandDescription(command: CommanderCommand): string {
    return command.summary() || command.description().split('; ')[0]!;
  }

  override formatHelp(command: CommanderCommand, helper: Help): string {
    const text = super.formatHelp(command, helper);
    if (!(command instanceof Command)) return text;
    const width = helper.helpWidth ?? 80;
    const indented = (line: string): string => `  ${helper.boxWrap(line, width - 2).replaceAll('\n', '\n  ')}`;
    const { exampleLines, exitStatusText, commands } = command;
    const examples = exampleLines.flatMap(([line, about]) => [`  # ${about}`, `  ${line}`]);
    const sections = [
      ...(examples.length === 0 ? [] : ['Examples:', ...examples, '']),
      'Exit status:',
      indented(exitStatusText ?? EXIT_STATUS),
      '',
      ...(commands.length === 0 ? [] : [`\`${command.name()} help COMMAND\` shows a command's options and examples.`, '']),
    ];
    return `${text}\n${sections.join('\n')}`;
  }
}
