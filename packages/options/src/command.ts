import { Argument as CommanderArgument, Command as CommanderCommand, Option as CommanderOption, type Help } from 'commander';
import { isExpected } from './failure.js';
import { CommandHelp } from './help.js';
import type { Synonyms } from './synonyms.js';
import { UsageError, type UsageSubject } from './usage-error.js';
import type { Suggest } from './values/suggestion.js';

/**
 * A program or one of its commands: commander's, with this project's conventions. `run` runs it, reads the
 * options as C nfqlb does and reports errors in one line.
 *
 * Options are declared with C nfqlb's names: `.option('--ft_size <packets>', 'what it is', wholeNumber({ min: 1, max: 10_000 }), 500)`.
 */
export class Command extends CommanderCommand {
  /** What `--version` prints, for a program. */
  versionText: string | undefined;
  /** Lines that a user may type, with what they do. */
  readonly exampleLines: Example[] = [];
  /** What exit statuses mean, if there is more to say than for every command. */
  exitStatusText: string | undefined;
  /** Words that users may know the program's commands by. */
  commandSynonyms: Synonyms = {};

  constructor(name?: string) {
    super(name);
    // Commander would write the error and end the process; instead `run` writes all errors, in one form.
    this.exitOverride().configureOutput({ outputError: () => {} });
  }

  override createCommand(name?: string): Command {
    return new Command(name);
  }

  override createOption(flags: string, description?: string): Option {
    return new Option(flags, description);
  }

  override createArgument(name: string, description?: string): Argument {
    return new Argument(name, description);
  }

  override createHelp(): Help {
    return Object.assign(new CommandHelp(), this.configureHelp());
  }

  /** Gives a program the options `--version` and `-V`, which print this text. */
  versioned(text: string): this {
    this.versionText = text;
    return this;
  }

  /** Adds lines to the examples in the help. */
  examples(...lines: readonly Example[]): this {
    this.exampleLines.push(...lines);
    return this;
  }

  /** Says in the help what the exit status means. */
  exitStatus(text: string): this {
    this.exitStatusText = text;
    return this;
  }

  /** When one of these words is given as the name of a command, the error names the commands that may be meant. */
  alsoKnownAs(synonyms: Synonyms): this {
    this.commandSynonyms = synonyms;
    return this;
  }
}

/** A command line, and what it does. */
export type Example = readonly [line: string, about: string];

/** What `--version` prints: as the program that a command belongs to says. */
export function versionOf(command: CommanderCommand): string | undefined {
  let program = command;
  while (program.parent) program = program.parent;
  return program instanceof Command ? program.versionText : undefined;
}

/** An option whose parser need not know the option's name: it is added to errors here. */
export class Option extends CommanderOption {
  /** What the shell offers for its value, as the parser says. */
  suggest: Suggest | undefined;
  /** Whether it may be given several times. */
  repeats = false;

  override argParser<T>(parse: Parse<T>): this {
    this.suggest = parse.suggest;
    this.repeats = parse.repeats === true;
    return super.argParser<T>((value, previous) => naming({ option: this.long ?? this.flags, value }, () => parse(value, previous)));
  }
}

/** An argument whose parser need not know the argument's name: it is added to errors here. */
export class Argument extends CommanderArgument {
  /** As {@link Option.suggest}. */
  suggest: Suggest | undefined;

  override argParser<T>(parse: Parse<T>): this {
    this.suggest = parse.suggest;
    return super.argParser<T>((value, previous) => naming({ argument: this.name(), value }, () => parse(value, previous)));
  }
}

/** What commander calls; this project's parsers (`ValueParser`) carry more properties. */
interface Parse<T> {
  (value: string, previous: T): T;
  readonly suggest?: Suggest;
  readonly repeats?: true;
}

/** Adds to the error of a value's parser where the value was given. */
function naming<T>(subject: UsageSubject, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isExpected(error)) throw error;
    const problem = error instanceof UsageError ? problemWithin(error, subject.value) : error.message;
    throw new UsageError('invalid-value', problem, subject, { cause: error });
  }
}

/** For a list, the error is about one item. */
function problemWithin(error: UsageError, value: string | undefined): string {
  return error.value === undefined || error.value === value ? error.problem : error.message;
}
