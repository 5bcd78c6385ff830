import type { ConnectionDecision, DecidedConnections } from './decided-connections.js';

/** A connection that goes elsewhere. */
export interface Moved {
  readonly before: ConnectionDecision;
  readonly after: ConnectionDecision;
  readonly why: string;
}

export interface Difference {
  /** Connections that are in both. */
  readonly connections: number;
  readonly moved: readonly Moved[];
  /** Connections that are only in the first, and only in the second: they are of different captures. */
  readonly missing: number;
  readonly added: number;
}

/**
 * The connections that go elsewhere.
 *
 * @param fwmarks all targets of the second configuration; `undefined` if it is not known
 */
export function movedConnections(
  before: DecidedConnections,
  after: DecidedConnections,
  fwmarks: ReadonlySet<number> | undefined,
): Difference {
  const moved: Moved[] = [];
  let both = 0;
  for (const [name, was] of before.decisions) {
    const is = after.decisions.get(name);
    if (!is) continue;
    both++;
    if (was.fwmark !== is.fwmark) moved.push({ before: was, after: is, why: whyMoved(was, is, fwmarks) });
  }
  return { connections: both, moved, missing: before.decisions.size - both, added: after.decisions.size - both };
}

/** The first difference on the way to a decision: flow, target, hash, bucket, the bucket's target. */
function whyMoved(was: ConnectionDecision, is: ConnectionDecision, fwmarks: ReadonlySet<number> | undefined): string {
  if (was.flow !== is.flow) return `another flow: ${was.flow ?? 'none'} → ${is.flow ?? 'none'}`;
  if (is.fwmark === null) return `dropped: ${is.reason}`;
  if (was.fwmark === null) return `no longer dropped: ${was.reason}`;
  if (fwmarks && !fwmarks.has(was.fwmark)) return 'its target is gone';
  if (was.hash !== is.hash) return 'hashed differently';
  if (was.bucket !== is.bucket) return 'another number of buckets';
  return 'its bucket has another target';
}
