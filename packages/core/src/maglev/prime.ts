/** Minimum and maximum number of buckets of a table: C nfqlb knows the primes up to 997². */
export const MIN_BUCKETS = 3;
export const MAX_BUCKETS = 993997;

/** The largest prime not above `n`, an integer from 2 to 2³²−1. */
export function primeBelow(n: number): number {
  let candidate = n;
  while (!isPrime(candidate)) candidate--;
  return candidate;
}

function isPrime(n: number): boolean {
  if (n < 4) return n >= 2;
  if (n % 2 === 0) return false;
  for (let divisor = 3; divisor * divisor <= n; divisor += 2) {
    if (n % divisor === 0) return false;
  }
  return true;
}
