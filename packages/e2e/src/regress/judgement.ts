/** What a comparison says of one workload. */
export interface Judgement {
  /** Median of head / base. */
  readonly ratio: number;
  /** The true median is at least `low`, and at most `high`, each with the confidence asked for. */
  readonly low: number;
  readonly high: number;
  readonly verdict: 'worse' | 'better' | 'same';
}

/**
 * Judges ratios of pairs measured one after the other, by the order statistics of their median, which assumes nothing about how they are distributed
 * (W. J. Conover, Practical Nonparametric Statistics, §3.2).
 *
 * @param ratios head / base, of something that is better if it is smaller
 * @param tolerance part by which the median must have changed beyond doubt: two builds of one source differ a little, too
 * @param risk probability that a limit is wrong by chance
 * @throws RangeError if there are too few pairs to be that sure of anything
 */
export function judge(ratios: readonly number[], tolerance: number, risk: number): Judgement {
  const sorted = ratios.toSorted((a, b) => a - b);
  const n = sorted.length;
  const below = mostBelow(n, risk);
  if (below < 0) throw new RangeError(`${n} pairs are too few for a risk of ${risk}`);
  const low = sorted[below]!;
  const high = sorted[n - 1 - below]!;
  const ratio = (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
  const verdict = low > 1 + tolerance ? 'worse' : high < 1 - tolerance ? 'better' : 'same';
  return { ratio, low, high, verdict };
}

/** The largest k for which at most k of n values are below their median with a probability of at most `risk`; −1 if there is none. */
function mostBelow(n: number, risk: number): number {
  let k = -1;
  // Binomial, n and ½: of exactly 0, then each from the one before.
  let exactly = 0.5 ** n;
  for (let sum = exactly; sum <= risk; sum += exactly) {
    k++;
    exactly *= (n - k) / (k + 1);
  }
  return k;
}
