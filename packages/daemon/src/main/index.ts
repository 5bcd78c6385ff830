export { balanceLoad } from './load-balancing.js';
export type { LoadBalancingOptions } from './load-balancing-options.js';
