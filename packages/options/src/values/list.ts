import { UsageError } from '../usage-error.js';
import type { ValueParser } from './numbers.js';
import { items } from './suggestion.js';

/** Reads a comma-separated list of at least one item. */
export function list<T>(parseItem: ValueParser<T>): ValueParser<T[]> {
  const parse = (text: string): T[] =>
    text.split(',').map((item) => {
      if (item === '')
        throw new UsageError('invalid-value', 'must be a list with commas between its items, none of them empty', { value: text });
      return parseItem(item);
    });
  return parseItem.suggest ? Object.assign(parse, { suggest: items(parseItem.suggest) }) : parse;
}

/** Reads a value that may be given several times. */
export interface RepeatableParser<T> extends Pick<ValueParser<T>, 'suggest'> {
  (text: string, previous?: T[]): T[];
  readonly repeats: true;
}

/** Collects the values of an option, or an argument, that may be given several times. Declare it without a default. */
export function repeatable<T>(parse: ValueParser<T>): RepeatableParser<T> {
  const collect = (text: string, previous: T[] = []): T[] => [...previous, parse(text)];
  return Object.assign(collect, { repeats: true as const, ...(parse.suggest && { suggest: parse.suggest }) });
}
