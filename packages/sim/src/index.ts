/**
 * What would the load balancer do with this traffic? Replays captures through the core of nfqlb, in the capture's own time.
 *
 * ```ts
 * for await (const { n, fwmark, reason } of replay('capture.pcap')) console.log(n, fwmark, reason);
 * ```
 *
 * @module
 */

export { type ReplayedTarget, type ReplayFragments, type ReplayOptions, replay } from './library/replay.js';
export type { ReplayedDecision } from './library/replayed-decision.js';
