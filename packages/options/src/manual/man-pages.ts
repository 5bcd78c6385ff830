// Manual pages from what commands declare, as `--help` prints it.

import type { Command as CommanderCommand, Option as CommanderOption } from 'commander';
import type { Command } from '../command.js';
import { EXIT_STATUS } from '../help.js';
import { HELP, VERSION } from '../standard-options.js';
import { bold, entry, italic, paragraph, plain, prose, section, sentence, verbatim } from './roff.js';

/** A manual page in section 1. */
export interface ManPage {
  /** Such as `nfqlb-init`. */
  readonly name: string;
  /** Its source. */
  readonly text: string;
}

/** What commands do not declare. */
export interface ManualOptions {
  /** As in `nfqlb 0.2.0`. */
  readonly version: string;
  /** As in `2026-01-31`. */
  readonly date: string;
  /** One page for the program and its commands; or one for each. */
  readonly pages: 'one' | 'each';
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Other manual pages, such as `ipu(1)`. */
  readonly seeAlso?: readonly string[];
}

/** The manual pages of a program: the first is the program's own. */
export function manPages(program: CommanderCommand, options: ManualOptions): ManPage[] {
  const { pages } = options;
  const name = program.name();
  const commands = visibleCommands(program);
  const own = pageOf(name, program.description(), options, [
    ...section('SYNOPSIS', [`${bold(name)} ${italic('command')} [${italic('option')} ...] [${italic('argument')} ...]`]),
    ...section('DESCRIPTION', [sentence(program.description())]),
    ...(pages === 'one'
      ? section(
          'COMMANDS',
          commands.flatMap((command) => [`.SS ${plain(command.name())}`, ...synopsis(name, command), ...body(command, 'here')]),
        )
      : section('COMMANDS', [
          ...commands.flatMap((command) => entry(reference(`${name}-${command.name()}(1)`), sentence(command.description()))),
        ])),
    ...section('OPTIONS', [
      prose(
        'An option is written `--option=value` or `--option value`, with one dash or two, with `_` or `-` in its name. It may be shortened to any beginning that no other option of the command has, and come before or after arguments; `--` ends the options. A value that begins with a dash must be written `--option=-value`.',
      ),
      ...entry(term(HELP), prose('Print the options of the program or of a command.')),
      ...entry(term(VERSION), sentence(VERSION.description)),
    ]),
    ...section('EXIT STATUS', [sentence(EXIT_STATUS)]),
    ...section('ENVIRONMENT', entries(options.environment)),
    ...section('FILES', entries(options.files)),
    ...section('EXAMPLES', examples(program)),
    ...seeAlso(options.seeAlso ?? []),
  ]);
  if (pages === 'one') return [own];
  return [
    own,
    ...commands.map((command) =>
      pageOf(`${name}-${command.name()}`, command.description(), options, [
        ...section('SYNOPSIS', synopsis(name, command)),
        ...section('DESCRIPTION', [sentence(command.description())]),
        ...body(command, 'in sections'),
        ...seeAlso([`${name}(1)`]),
      ]),
    ),
  ];
}

function pageOf(name: string, description: string, { version, date }: ManualOptions, lines: readonly string[]): ManPage {
  const head = [`.TH ${name.toUpperCase()} 1 ${date} "${version}" "User Commands"`];
  // One line for whatis(1): what comes before the details.
  const [brief = ''] = description.replaceAll('`', '').split(/[;:]/);
  const title = section('NAME', [paragraph(`${plain(name)} \\- ${plain(brief.charAt(0).toLowerCase() + brief.slice(1))}`)]);
  return { name, text: `${[...head, ...title, ...lines].join('\n')}\n` };
}

function visibleCommands(program: CommanderCommand): CommanderCommand[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
}

function synopsis(name: string, command: CommanderCommand): string[] {
  const required = command.options.filter(({ mandatory }) => mandatory).map(term);
  const options = command.options.length > required.length ? [`[${italic('option')} ...]`] : [];
  const taken = command.registeredArguments.map((argument) => {
    const word = italic(argument.name());
    const repeated = argument.variadic ? `${word} ...` : word;
    return argument.required ? repeated : `[${repeated}]`;
  });
  return [paragraph([bold(`${name} ${command.name()}`), ...required, ...options, ...taken].join(' '))];
}

/** Arguments and options. */
function body(command: CommanderCommand, where: 'in sections' | 'here'): string[] {
  const help = command.createHelp();
  const taken = command.registeredArguments
    .filter(({ description }) => description)
    .flatMap((argument) => entry(italic(argument.name()), sentence(help.argumentDescription(argument))));
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .flatMap((option) => entry(term(option), sentence(help.optionDescription(option))));
  const { exitStatusText: status } = command as Partial<Command>;
  const exitStatus = status === undefined ? [] : [sentence(status)];
  if (where === 'here') {
    const after = exitStatus.length === 0 ? [] : ['.PP', prose('Exit status:'), ...exitStatus];
    return ['.PP', sentence(command.description()), ...taken, ...options, ...after, ...paragraphs(examples(command))];
  }
  return [
    ...section('ARGUMENTS', taken),
    ...section('OPTIONS', options),
    ...section('EXIT STATUS', exitStatus),
    ...section('EXAMPLES', examples(command)),
  ];
}

function examples(command: CommanderCommand): string[] {
  const { exampleLines = [] } = command as Partial<Command>;
  // As `--help` has them.
  return exampleLines.flatMap(([line, about], i) => [...(i === 0 ? [] : ['.PP']), ...verbatim(`# ${about}\n${line}`)]);
}

function paragraphs(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['.PP', ...lines];
}

/** `--queue=N`, `--json[=FILE]`, `-h, --help` */
function term({ short, long, flags, required, optional }: CommanderOption): string {
  const names = [short, long].flatMap((name) => (name ? [bold(name)] : [])).join(', ');
  const value = italic(/[<[]([^\]>]*)[\]>]/.exec(flags)?.[1] ?? '');
  if (required) return `${names}=${value}`;
  return optional ? `${names}[=${value}]` : names;
}

function entries(list: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(list).flatMap(([name, about]) => entry(bold(name), prose(about)));
}

/** `nfqlb-init(1)` */
function reference(page: string): string {
  const [, name = page, rest = ''] = /^(.*)(\(\d\))$/.exec(page) ?? [];
  return `${bold(name)}${rest}`;
}

function seeAlso(pages: readonly string[]): string[] {
  return section('SEE ALSO', pages.length === 0 ? [] : [pages.map(reference).join(', ')]);
}
