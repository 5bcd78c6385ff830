import { type Decision, walk as walkTo } from '../decision/index.js';
import { FAST_REASON_NAMES } from '../fast-reason.js';

/** What a decision says of a packet, without a kernel: the name of a flow, or of a reason in parentheses. */
export function walk(decision: Decision, packet: Uint8Array): string {
  const end = walkTo(decision, packet);
  if (end === undefined) return '(unusual)';
  return 'flow' in end ? end.flow : `(${FAST_REASON_NAMES[end.reason]})`;
}
