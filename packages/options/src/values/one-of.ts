import { UsageError } from '../usage-error.js';
import type { ValueParser } from './whole-number.js';

/** Reads one of a few words. */
export function oneOf<const W extends string>(...words: readonly W[]): ValueParser<W> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new UsageError('invalid-value', `must be one of ${words.join(', ')}`, { value: text });
    return word;
  };
}
