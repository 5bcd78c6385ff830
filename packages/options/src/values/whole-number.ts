import { UsageError } from '../usage-error.js';
import type { Suggest } from './suggestion.js';

/** Reads the text of a value. Throws {@link UsageError} `invalid-value`, in which the option is still missing: `Option` puts it in. */
export interface ValueParser<T> {
  (text: string): T;
  /** What the shell offers for the value. */
  readonly suggest?: Suggest;
}

/** The least and the largest number that are allowed. */
export interface NumberRange {
  /** 0 when absent. */
  readonly min?: number;
  /** 2⁵³−1 when absent. */
  readonly max?: number;
}

/** So many numbers, at most, are offered one by one. */
const FEW = 10;

/**
 * Reads a whole decimal number: digits only, `010` is ten; a `-` before them where `min` is negative.
 *
 * @param why put behind the range in the error, where the range would surprise
 */
export function wholeNumber({ min = 0, max = Number.MAX_SAFE_INTEGER }: NumberRange = {}, why?: string): ValueParser<number> {
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
