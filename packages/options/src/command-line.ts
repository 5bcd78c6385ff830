/**
 * Reads a command line as getopt_long_only(3) does, because scripts for C nfqlb rely on that, and rewrites it in the one form
 * that commander reads unambiguously: `--option=value …` `--` `argument …`.
 *
 * An option is `--opt=value` or `--opt value`, with one dash or two, with `_` and `-` interchangeable, and may be shortened to any
 * prefix of its name that no other option shares. Options may come after arguments, `--` ends them. A negative
 * number is an argument or a value. Unlike with getopt, a value that begins with a dash must be written `--opt=-value`: otherwise
 * a forgotten value would swallow the next option.
 */
import type { Command as CommanderCommand, Option as CommanderOption } from 'commander';
import { Command } from './command.js';
import { HELP, optionsOf, VERSION } from './standard-options.js';
import { likelyNames, OPTION_SYNONYMS, type Synonyms } from './synonyms.js';
import { UsageError } from './usage-error.js';

/** A command, and what was given after its name. */
export interface SelectedCommand {
  readonly command: CommanderCommand;
  readonly args: readonly string[];
}

/**
 * The command that `argv` (without program name) names; the program itself if it has no commands, for its own options, and
 * for an empty `argv`, which asks for help.
 *
 * @throws {@link UsageError} `unknown-command`
 */
export function selectCommand(program: CommanderCommand, argv: readonly string[]): SelectedCommand {
  if (program.commands.length === 0) return { command: program, args: argv };
  const [name, ...rest] = argv;
  if (name === undefined) return { command: program, args: ['--help'] };
  if (isOption(name)) return { command: program, args: argv };
  if (name === 'help') return rest[0] === undefined ? { command: program, args: ['--help'] } : selectCommand(program, [rest[0], '--help']);

  const command = program.commands.find((candidate) => candidate.name() === name || candidate.aliases().includes(name));
  if (command) return selectCommand(command, rest);
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((candidate) => candidate.name());
  // Written as two words: `flow set`.
  const joined = `${name}-${rest[0]}`;
  const synonyms = program instanceof Command ? program.commandSynonyms : {};
  const suggestion = names.includes(joined) ? `did you mean ${joined}?` : suggest(name, names, synonyms);
  throw new UsageError('unknown-command', `no such command; ${suggestion}`, { value: name });
}

/**
 * What was given to `command`, in the form that commander reads; only `--help` or `--version` if that is asked for.
 *
 * @throws {@link UsageError} for unknown, ambiguous or missing options, for missing or unexpected values, and for too many or too
 *   few arguments
 */
export function canonicalArguments(command: CommanderCommand, args: readonly string[]): string[] {
  const options: string[] = [];
  const operands: string[] = [];
  const given = new Set<CommanderOption>();
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (!isOption(word)) {
      operands.push(word);
      continue;
    }
    const { name, value } = splitOption(word);
    const option = findOption(command, name);
    const long = option.long!;
    given.add(option);
    if (!option.required && !option.optional) {
      if (value !== undefined) throw new UsageError('unexpected-value', 'takes no value', { option: long, value });
      if (option === HELP || option === VERSION) return [long];
      options.push(long);
    } else if (value !== undefined) {
      options.push(`${long}=${value}`);
    } else if (option.optional) {
      options.push(long);
    } else {
      const next = args[++i];
      if (next === undefined || isOption(next)) {
        throw new UsageError('missing-value', `needs a value, as in ${long}=VALUE`, { option: long });
      }
      options.push(`${long}=${next}`);
    }
  }
  const missing = command.options.filter((option) => option.mandatory && option.defaultValue === undefined && !given.has(option));
  if (missing.length > 0) throw new UsageError('missing-option', `missing option ${missing.map(({ long }) => long).join(', ')}`);
  checkOperands(command, operands);
  return [...options, '--', ...operands];
}

function checkOperands(command: CommanderCommand, operands: readonly string[]): void {
  const taken = command.registeredArguments;
  const usage = `the usage is: ${command.createHelp().commandUsage(command)}`;
  const missing = taken.slice(operands.length).find((argument) => argument.required);
  if (missing) throw new UsageError('missing-argument', `missing argument ${missing.name()}; ${usage}`);
  const more = taken.at(-1)?.variadic ? undefined : operands[taken.length];
  if (more !== undefined) throw new UsageError('unexpected-argument', `an argument too many; ${usage}`, { value: more });
}

/** `-` alone is stdin, `-1` a number. */
export function isOption(word: string): boolean {
  return /^-[^\d]/.test(word);
}

/** Name and value of `--name=value`, with one dash or two. */
export function splitOption(word: string): { name: string; value: string | undefined } {
  const text = word.replace(/^--?/, '');
  const equals = text.indexOf('=');
  return equals < 0 ? { name: text, value: undefined } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function findOption(command: CommanderCommand, name: string): CommanderOption {
  const named = optionsNamed(command, name);
  if (named.length === 1) return named[0]!;

  const option = `--${name}`;
  if (named.length > 1) {
    throw new UsageError('ambiguous-option', `could be ${named.map(({ long }) => long).join(' or ')}`, { option });
  }
  const names = optionsOf(command)
    .filter(({ hidden }) => !hidden)
    .map(longName);
  throw new UsageError('unknown-option', `no such option; ${suggest(name, names, OPTION_SYNONYMS, '--')}`, { option });
}

/**
 * The options that `name`, without dashes, may mean: the one with that name, otherwise all that start with it. `--version` comes last: the
 * beginning of a command's own option stays that, whatever it is.
 */
export function optionsNamed(command: CommanderCommand, name: string): CommanderOption[] {
  const options = optionsOf(command);
  const wanted = dashed(name);
  const exact = options.find((option) => dashed(longName(option)) === wanted || option.short === `-${name}`);
  if (exact) return [exact];
  const begun = options.filter((option) => wanted !== '' && dashed(longName(option)).startsWith(wanted));
  return begun.length > 1 ? begun.filter((option) => option !== VERSION) : begun;
}

/** Its name without the leading dashes. */
export function longName(option: CommanderOption): string {
  return option.long!.slice(2);
}

/** Normalised for comparison: `_` is `-`. */
export function dashed(name: string): string {
  return name.replaceAll('_', '-');
}

function suggest(given: string, names: readonly string[], synonyms: Synonyms, dashes = ''): string {
  const likely = likelyNames(given, names, synonyms);
  if (likely.length > 0) return `did you mean ${likely.map((name) => dashes + name).join(' or ')}?`;
  return `there are ${names.map((name) => dashes + name).join(', ')}`;
}
