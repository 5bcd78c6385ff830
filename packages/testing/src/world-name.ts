/** Simulated: the core of the load balancer in virtual time. Live: the program, in network namespaces. */
export const WORLDS = ['simulated', 'live'] as const;
export type WorldName = (typeof WORLDS)[number];
