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

/** Reads a time in seconds, down to the nanosecond: `10`, `0.5`, `1.000000001`. */
export function decimalSeconds(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) {
    throw new UsageError('invalid-value', 'must be seconds such as 10 or 0.5, from 0 to 999999999, with at most nine decimals', {
      value: text,
    });
  }
  return Number(text);
}

/** A day: the same as `MAX_DRAIN_S` of core. */
const MAX_DRAIN_S = 86_400;

/** Reads a value of `--drain`. */
export const drainSeconds: (value: string) => number = wholeNumber({ max: MAX_DRAIN_S });

const WHY = 'the shared table holds a signed 32-bit number';

/** Reads a firewall mark as stored in a table: 0 to 2147483647. */
export const fwmark: ValueParser<number> = wholeNumber({ min: 0, max: 0x7fffffff }, WHY);

/** Reads the firewall mark of a target: 1 to 2147483647. */
export const targetFwmark: ValueParser<number> = wholeNumber(
  { min: 1, max: 0x7fffffff },
  'a packet with fwmark 0 counts as one without, and is dropped',
);

/** Reads a firewall mark, or −1 for none. */
export const fwmarkOrNone: ValueParser<number> = wholeNumber({ min: -1, max: 0x7fffffff }, `-1 for none; ${WHY}`);

/** Consecutive NFQUEUE queue numbers. */
export interface QueueRange {
  readonly first: number;
  readonly last: number;
}

const MAX_QUEUE = 65535;

/** Reads a queue, `2`, or several, `0:3`. */
export function queueRange(text: string): QueueRange {
  const [, first, last = first] = /^(\d+)(?::(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  // NaN, for a wrong format, is not ≤ anything.
  if (range.first <= range.last && range.last <= MAX_QUEUE) return range;
  throw new UsageError('invalid-value', `must be a queue from 0 to ${MAX_QUEUE} or several, FIRST:LAST`, { value: text });
}
