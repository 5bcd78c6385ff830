import { UsageError } from '../usage-error.js';

/** Reads a time in seconds, down to the nanosecond: `10`, `0.5`, `1.000000001`. */
export function decimalSeconds(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) {
    throw new UsageError('invalid-value', 'must be seconds such as 10 or 0.5, from 0 to 999999999, with at most nine decimals', {
      value: text,
    });
  }
  return Number(text);
}
