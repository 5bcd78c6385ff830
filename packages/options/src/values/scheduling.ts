import { UsageError } from '../usage-error.js';
import { list } from './list.js';
import type { ValueParser } from './numbers.js';

/** A nice value, −20 to 19, or a real-time priority, 1 to 99 (sched(7)). */
export type Priority = { readonly nice: number } | { readonly realTime: number };

/** Reads a priority of threads: `-10`, `fifo:20`. */
export function priority(text: string): Priority {
  const [, nice, realTime] = /^(?:(-?\d{1,2})|fifo:(\d{1,2}))$/.exec(text) ?? [];
  if (nice !== undefined && Number(nice) >= -20 && Number(nice) <= 19) return { nice: Number(nice) + 0 };
  if (realTime !== undefined && Number(realTime) > 0) return { realTime: Number(realTime) };
  throw new UsageError('invalid-value', 'must be a nice value from -20 to 19, or a real-time priority from fifo:1 to fifo:99', {
    value: text,
  });
}

/** The most that Linux can be configured for. */
const MOST_CPUS = 8192;

/** Reads a list of CPUs, as `taskset --cpu-list` does: `1`, `0,2-3`. */
export const cpuList: ValueParser<number[]> = (text) => list(cpuRange)(text).flat();

function cpuRange(text: string): number[] {
  const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text) ?? [];
  const count = Number(last) - Number(first) + 1;
  // NaN, for a wrong format, is not ≥ anything.
  if (count >= 1 && Number(last) < MOST_CPUS) return Array.from({ length: count }, (_, i) => Number(first) + i);
  throw new UsageError('invalid-value', 'must be CPUs such as 1 or 0,2-3', { value: text });
}
