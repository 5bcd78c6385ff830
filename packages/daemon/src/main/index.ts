export { Degradations } from '../watch/degradations.js';
export type { Balancer, Companion, Inheritance } from './companion.js';
export { balanceLoad, type Ending } from './load-balancing.js';
export type { LoadBalancingOptions } from './load-balancing-options.js';
