// What the shell offers for a word that is being typed, and values that are one of a few words.

import { UsageError } from '../usage-error.js';
import type { ValueParser } from './numbers.js';

/** One word that could go there. */
export interface Suggestion {
  readonly value: string;
  /** What it is, for shells that show that. */
  readonly about?: string | undefined;
}

/** File names, which the shell completes best itself. */
export const FILES = 'files';

/** What could go there; the shell shows the items of a list that begin like the word. */
export type Suggestions = readonly Suggestion[] | typeof FILES;

/** The line, as far as it has been typed. */
export interface TypedLine {
  /** The part of the value typed so far. */
  readonly begun: string;
  /** Value of an option by its long name, `--shm`: the given one, otherwise its default; `undefined` if there is none. */
  readonly option: (long: string) => string | undefined;
}

/** Finds what could go at the cursor. It may fail: then nothing is offered. */
export type Suggest = (line: TypedLine) => Suggestions | Promise<Suggestions>;

/** One of a few words. */
export function words(...values: readonly string[]): Suggest {
  return () => values.map((value) => ({ value }));
}

/** Comma-separated items, none of them twice. */
export function items(suggest: Suggest): Suggest {
  return async (line) => {
    const comma = line.begun.lastIndexOf(',') + 1;
    const before = line.begun.slice(0, comma);
    const given = before.split(',');
    const offered = await suggest({ ...line, begun: line.begun.slice(comma) });
    if (offered === FILES) return FILES;
    return offered.filter(({ value }) => !given.includes(value)).map(({ value, about }) => ({ value: before + value, about }));
  };
}

/** Reads as `parse` does; the shell offers what `suggest` gives. */
export function suggesting<T>(parse: ValueParser<T>, suggest: Suggest): ValueParser<T> {
  return Object.assign((text: string) => parse(text), { suggest });
}

/** Reads any text; the shell offers what `suggest` gives. */
export function text(suggest: Suggest): ValueParser<string> {
  return suggesting((value) => value, suggest);
}

/** Reads one of a few words. */
export function oneOf<const W extends string>(...choices: readonly W[]): ValueParser<W> {
  const parse = (text: string): W => {
    const word = choices.find((candidate) => candidate === text);
    if (word === undefined) throw new UsageError('invalid-value', `must be one of ${choices.join(', ')}`, { value: text });
    return word;
  };
  return Object.assign(parse, { suggest: words(...choices) });
}
