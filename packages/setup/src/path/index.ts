export { type QueueVips, queueVips } from './queue-vips.js';
export { type ReadChains, readChains } from './read-chains.js';
export type { KnownPacket } from './rule-match.js';
export type { Chains } from './saved-chains.js';
export { type WayToQueue, wayToQueue } from './way-to-queue.js';
export { type Neighbour, type Route, type WayToTarget, wayToTarget } from './way-to-target.js';
