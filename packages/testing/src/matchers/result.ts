import { Deliveries } from '../deliveries.js';
import { TestingError } from '../testing-error.js';

/** What a matcher returns to Vitest. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** What a matcher knows of how it is called. */
export interface MatcherContext {
  readonly isNot?: boolean;
}

/** @throws {@link TestingError}: a test about no packets would prove nothing */
export function deliveriesIn(received: unknown, matcher: string): Deliveries {
  if (!(received instanceof Deliveries)) throw new TestingError(`${matcher}: must be called with what site.send() resolves to`);
  if (received.length === 0) throw new TestingError(`${matcher}: no packets were sent`);
  return received;
}
