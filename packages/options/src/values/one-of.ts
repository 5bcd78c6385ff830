import { UsageError } from '../usage-error.js';
import { words as wordsOf } from './suggestion.js';
import type { ValueParser } from './whole-number.js';

/** Reads one of a few words. */
export function oneOf<const W extends string>(...words: readonly W[]): ValueParser<W> {
  const parse = (text: string): W => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new UsageError('invalid-value', `must be one of ${words.join(', ')}`, { value: text });
    return word;
  };
  return Object.assign(parse, { suggest: wordsOf(...words) });
}
