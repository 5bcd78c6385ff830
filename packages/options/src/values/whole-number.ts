import { UsageError } from '../usage-error.js';
import type { Suggest } from './suggestion.js';

/** Reads the text of a value. Throws {@link UsageError} `invalid-value` without the option's name: `Option` adds it. */
export interface ValueParser<T> {
  (text: string): T;
  /** What the shell offers for the value. */
  readonly suggest?: Suggest;
}

/** The smallest and the largest allowed number. */
export interface NumberRange {
  /** 0 when absent. */
  readonly min?: number;
  readonly max: number;
}

/** Completion lists at most this many numbers. */
const FEW = 10;

/**
 * Reads a whole decimal number: digits only, `010` is ten; with a leading `-` allowed if `min` is negative.
 *
 * @param why explains a surprising range; added after it in the error
 */
export function wholeNumber({ min = 0, max }: NumberRange, why?: string): ValueParser<number> {
  const form = min < 0 ? /^-?\d+$/ : /^\d+$/;
  const parse = (text: string): number => {
    // `-0` is 0.
    const number = Number(text) + 0;
    if (form.test(text) && number >= min && number <= max) return number;
    throw new UsageError('invalid-value', `must be a whole number from ${min} to ${max}${why === undefined ? '' : ` (${why})`}`, {
      value: text,
    });
  };
  const count = max - min + 1;
  return count > FEW ? parse : Object.assign(parse, { suggest: () => Array.from({ length: count }, (_, i) => ({ value: `${min + i}` })) });
}
