import type { Command as CommanderCommand, Option as CommanderOption } from 'commander';
import { Argument, Option } from '../command.js';
import { dashed, isOption, longName, optionsNamed, splitOption } from '../command-line.js';
import { optionsOf } from '../standard-options.js';
import { FILES, type Suggest, type Suggestion, type Suggestions } from '../values/suggestion.js';

/**
 * What could replace the last of `words`, which is partly typed or empty: commands, options, values, derived from the declared
 * commands. Each suggestion is a whole word that begins like the last of `words`.
 *
 * @param words as typed, without the program's name
 */
export async function suggest(program: CommanderCommand, words: readonly string[]): Promise<Suggestions> {
  const begun = words.at(-1) ?? '';
  let command = program;
  let rest = words.slice(0, -1);
  while (command.commands.length > 0) {
    const [name, ...behind] = rest;
    if (name === undefined) return begunBy(begun, begun.startsWith('-') ? optionsOf(command).map(suggestionOf) : namesOf(command));
    if (name === 'help') return behind.length === 0 ? begunBy(begun, namesOf(command)) : [];
    const next = command.commands.find((candidate) => candidate.name() === name || candidate.aliases().includes(name));
    if (!next) return [];
    command = next;
    rest = behind;
  }
  return await suggestWithin(command, rest, begun);
}

async function suggestWithin(command: CommanderCommand, before: readonly string[], begun: string): Promise<Suggestions> {
  const line = read(command, before);
  const ask = async (from: Suggest | undefined, value: string, prefix = ''): Promise<Suggestions> => {
    const offered = (await from?.({ begun: value, option: (long) => valueGiven(command, line, long) })) ?? [];
    if (offered === FILES) return FILES;
    return begunBy(
      begun,
      offered.map((one) => ({ ...one, value: prefix + one.value })),
    );
  };
  if (line.waiting && !begun.startsWith('-')) return await ask(suggestOf(line.waiting), begun);
  if (!line.ended && begun.startsWith('-')) {
    const { name, value } = splitOption(begun);
    if (value === undefined) return begunBy(begun, optionsFor(command, line, begun));
    const named = optionsNamed(command, name);
    return named.length === 1 ? await ask(suggestOf(named[0]!), value, begun.slice(0, -value.length || undefined)) : [];
  }
  const taken = command.registeredArguments;
  const argument = taken[line.operands.length] ?? (taken.at(-1)?.variadic ? taken.at(-1) : undefined);
  if (!argument && !line.ended && begun === '') return optionsFor(command, line, '--');
  const offered = await ask(argument && suggestOf(argument), begun);
  return offered === FILES ? FILES : offered.filter(({ value }) => !line.operands.includes(value));
}

/** What comes before the word being typed. */
interface ReadLine {
  readonly options: Map<CommanderOption, string>;
  readonly operands: string[];
  /** The option whose value comes next. */
  waiting?: CommanderOption | undefined;
  /** Whether `--` has ended the options. */
  ended: boolean;
}

/** Reads like `canonicalArguments`, but continues after what that would refuse. */
function read(command: CommanderCommand, args: readonly string[]): ReadLine {
  const line: ReadLine = { options: new Map(), operands: [], ended: false };
  for (const word of args) {
    if (line.waiting && !isOption(word)) {
      line.options.set(line.waiting, word);
      line.waiting = undefined;
    } else if (line.ended || !isOption(word)) {
      line.operands.push(word);
    } else if (word === '--') {
      line.ended = true;
      line.waiting = undefined;
    } else {
      const { name, value } = splitOption(word);
      const [option, ...others] = optionsNamed(command, name);
      const known = option !== undefined && others.length === 0;
      if (known) line.options.set(option, value ?? '');
      line.waiting = known && option.required && value === undefined ? option : undefined;
    }
  }
  return line;
}

function valueGiven(command: CommanderCommand, { options }: ReadLine, long: string): string | undefined {
  const option = command.options.find((candidate) => candidate.long === long);
  if (!option) return undefined;
  const { defaultValue } = option;
  return options.get(option) ?? (typeof defaultValue === 'string' ? defaultValue : undefined);
}

/** Options that are not given yet, or may be repeated, written like `begun`: one dash or two, `_` or `-`. */
function optionsFor(command: CommanderCommand, { options }: ReadLine, begun: string): Suggestion[] {
  const typed = begun.replace(/^--?/, '');
  return optionsOf(command)
    .filter((option) => !option.hidden && dashed(longName(option)).startsWith(dashed(typed)))
    .filter((option) => !options.has(option) || (option instanceof Option && option.repeats))
    .flatMap((option) => {
      const word = begun + longName(option).slice(typed.length);
      const { description: about } = option;
      if (option.required) return [{ value: `${word}=`, about }];
      return option.optional
        ? [
            { value: word, about },
            { value: `${word}=`, about },
          ]
        : [{ value: word, about }];
    });
}

function namesOf(command: CommanderCommand): Suggestion[] {
  const commands = command.createHelp().visibleCommands(command);
  return commands.map((one) => ({ value: one.name(), about: one.summary() || one.description() }));
}

function suggestionOf(option: CommanderOption): Suggestion {
  return { value: option.long!, about: option.description };
}

/** A value called `file` is a file, unless something else is declared. */
function suggestOf(subject: CommanderOption | Argument | CommanderCommand['registeredArguments'][number]): Suggest | undefined {
  const declared = subject instanceof Option || subject instanceof Argument ? subject.suggest : undefined;
  const name = 'flags' in subject ? /[<[]([^\]>]*)[\]>]/.exec(subject.flags)?.[1] : subject.name();
  return declared ?? (name === 'file' ? () => FILES : undefined);
}

function begunBy(begun: string, offered: readonly Suggestion[]): Suggestion[] {
  return offered.filter(({ value }) => value.startsWith(begun));
}
