export { Predecessor } from './predecessor.js';
export { type Successor, serveTakeover, takeoverAddress } from './successor.js';
export { faultInRequest, type Offer, type Request, type StatePart, TAKEOVER_FORMAT, TakeoverError } from './takeover-message.js';
