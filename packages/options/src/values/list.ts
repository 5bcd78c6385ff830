import { UsageError } from '../usage-error.js';
import type { ValueParser } from './whole-number.js';

/** Reads items with commas between them, at least one. */
export function list<T>(parseItem: ValueParser<T>): ValueParser<T[]> {
  return (text) =>
    text.split(',').map((item) => {
      if (item === '')
        throw new UsageError('invalid-value', 'must be a list with commas between its items, none of them empty', { value: text });
      return parseItem(item);
    });
}

/** Collects the values of an option, or an argument, that may be given several times. Declare it without a default. */
export function repeatable<T>(parse: ValueParser<T>): (text: string, previous?: T[]) => T[] {
  return (text, previous = []) => [...previous, parse(text)];
}
