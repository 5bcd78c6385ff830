import type { Delivery } from '../delivery.js';
import { TestingError } from '../testing-error.js';
import { counted, explain, percent } from './report.js';
import { deliveriesIn, type MatcherResult } from './result.js';

export interface KeepOptions {
  /** `removed`: connections whose target was taken out are not counted. */
  readonly except?: 'removed';
  /** Share of the connections, from 0 to 1. Default 1: all. */
  readonly atLeast?: number;
}

/** Connections that were seen before go on to the target that they had. */
export function toKeepTheirTarget(received: unknown, { except, atLeast = 1 }: KeepOptions = {}): MatcherResult {
  const deliveries = deliveriesIn(received, 'toKeepTheirTarget');
  if (except !== undefined && except !== 'removed') throw new TestingError(`toKeepTheirTarget: except ${except}: must be removed`);
  if (!(atLeast >= 0 && atLeast <= 1))
    throw new TestingError(`toKeepTheirTarget: atLeast ${atLeast}: must be a share from 0 to 1, such as 0.95`);
  const known = new Set<string>();
  /** By connection: the first packet that went elsewhere. */
  const moved = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const { before, connection, target } = delivery;
    if (!before || connection === undefined || (except === 'removed' && !deliveries.isActive(before))) continue;
    known.add(connection);
    if (target !== before && !moved.has(connection)) moved.set(connection, delivery);
  }
  if (known.size === 0) {
    const which = except === 'removed' ? ' whose target is still there' : '';
    throw new TestingError(
      `toKeepTheirTarget: none of these packets is of a connection${which} that was seen before: send some earlier, too`,
    );
  }
  const kept = (known.size - moved.size) / known.size;
  return {
    pass: kept >= atLeast,
    message: () =>
      [
        `expected ${atLeast === 1 ? 'all' : `at least ${percent(atLeast)}`} of ${counted(known.size, 'connection')} to keep their target${
          except === 'removed' ? ', except those of removed targets' : ''
        }; ${percent(kept)} did, ${moved.size} did not${moved.size > 0 ? ':' : ''}`,
        ...(moved.size > 0 ? [explain([...moved.values()])] : []),
      ].join('\n'),
  };
}
