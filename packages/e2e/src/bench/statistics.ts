/** The middle of several figures, and how far they are apart. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns `undefined` if there are no values. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/**
 * The median over several runs of the medians of their rounds, and the extremes of all rounds. A run with many rounds weighs as much as one with few:
 * what differs between runs (the machine's state, memory layout) is usually more than what differs between rounds.
 */
export function spreadOfRuns(runs: readonly (readonly number[])[]): Spread | undefined {
  const measured = runs.filter((rounds) => rounds.length > 0);
  const all = spread(measured.flat());
  return all && { ...all, median: median(measured.map(median)) };
}
