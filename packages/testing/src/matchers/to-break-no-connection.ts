import { Deliveries } from '../deliveries.js';
import type { Site } from '../site.js';
import { TestingError } from '../testing-error.js';
import { counted, explain } from './report.js';
import type { MatcherResult } from './result.js';
import { toKeepTheirTarget } from './to-keep-their-target.js';

/** No connection lost its target: of those of some packets, or of all since the site began. */
export function toBreakNoConnection(received: unknown): MatcherResult {
  if (received instanceof Deliveries) return toKeepTheirTarget(received);
  const { broken, connections } = siteIn(received);
  if (connections === 0) throw new TestingError('toBreakNoConnection: no connection has been seen: send some packets');
  return {
    pass: broken.length === 0,
    message: () =>
      `expected none of ${counted(connections, 'connection')} to break; ${broken.length} did${broken.length > 0 ? `:\n${explain(broken)}` : ''}`,
  };
}

function siteIn(received: unknown): Site {
  if (typeof received === 'object' && received !== null && 'broken' in received) return received as Site;
  throw new TestingError('toBreakNoConnection: must be called with a site, or with what site.send() resolves to');
}
