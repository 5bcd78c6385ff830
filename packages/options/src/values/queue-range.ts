import { UsageError } from '../usage-error.js';

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
