import type { OptionValue } from '@nfqlb/configuration';
import { type Command, UsageError } from '@nfqlb/options';

/** As commander has it. */
type Option = Command['options'][number];

/** Those of the command line alone. */
const NOT_IN_FILES = ['--config', '--check', '--dry-run', '--status', '--takeover', '--background', '--json', '--help'];

/**
 * The value of an option in a configuration file, read as on the command line.
 *
 * @throws {@link UsageError} for an option that the command lacks, and a value that it does not take
 */
export function fileOption(command: Command, name: string, value: OptionValue): unknown {
  return valueFor(optionOf(command, name), value);
}

/** Gives a command the options of a configuration file. What was given on the command line stays. */
export function adoptFileOptions(command: Command, options: ReadonlyMap<string, OptionValue>): void {
  for (const [name, value] of options) {
    const option = optionOf(command, name);
    const attribute = option.attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') command.setOptionValueWithSource(attribute, valueFor(option, value), 'config');
  }
}

function optionOf(command: Command, name: string): Option {
  const known = command.options.filter(({ long }) => long && !NOT_IN_FILES.includes(long));
  const plain = (text: string): string => text.replaceAll('_', '-');
  const option = known.find(({ long }) => plain(long!) === plain(`--${name}`));
  if (option) return option;
  const names = known.map(({ long }) => long!.slice('--'.length)).join(', ');
  throw new UsageError('unknown-option', `unknown option ${JSON.stringify(name)}; there are ${names}`);
}

function valueFor(option: Option, value: OptionValue): unknown {
  if (!option.required && !option.optional) {
    if (typeof value === 'boolean') return value;
    throw new UsageError('invalid-value', 'must be true or false', { option: option.long });
  }
  if (typeof value === 'boolean')
    throw new UsageError('invalid-value', 'must have a value, as on the command line', { option: option.long });
  const texts = typeof value === 'object' ? value.map(String) : [String(value)];
  if (texts.length === 0) throw new UsageError('invalid-value', 'must not be empty', { option: option.long });
  if (texts.length > 1 && !(option as { repeats?: boolean }).repeats)
    throw new UsageError('invalid-value', 'must be one value', { option: option.long });
  return texts.reduce<unknown>((previous, text) => (option.parseArg ? option.parseArg(text, previous) : text), undefined);
}
