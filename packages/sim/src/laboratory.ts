// What other packages of this repository use of the laboratory: load balancers in virtual time, tiers of them, generated traffic. Not published.

export { addBehaviourOptions, addDecisionOptions, type DecisionCommandOptions, decisionOptions } from './commands/balancer-options.js';
export { DEFAULT_TRAFFIC } from './generate/default-traffic.js';
export { generateTraffic } from './generate/traffic.js';
export type { TrafficOptions } from './generate/traffic-options.js';
export { ReplayedBalancer, type ReplayedBalancerOptions } from './replay/replayed-balancer.js';
export { ecmp } from './tier/spray.js';
