import type { Suggest } from './suggestion.js';
import type { ValueParser } from './whole-number.js';

/** Reads as `parse` does; the shell offers what `suggest` gives. */
export function suggesting<T>(parse: ValueParser<T>, suggest: Suggest): ValueParser<T> {
  return Object.assign((text: string) => parse(text), { suggest });
}

/** Reads any text; the shell offers what `suggest` gives. */
export function text(suggest: Suggest): ValueParser<string> {
  return suggesting((value) => value, suggest);
}
