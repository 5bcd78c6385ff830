import { askStatus, findLoadBalancers } from '@nfqlb/protocol/status';
import type { LoadBalancerFacts } from './facts.js';

/** Asks the load balancers of this network namespace for their status. */
export function readLoadBalancers(): Promise<LoadBalancerFacts[]> {
  return Promise.all(
    findLoadBalancers().map(async (queue) => {
      try {
        return { queue, status: await askStatus(queue) };
      } catch (error) {
        return { queue, status: undefined, why: (error as Error).message };
      }
    }),
  );
}
