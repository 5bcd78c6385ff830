// Helpers for tests of flows: applications, each with its own table.

import type { Target } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { LoadBalancer, type LoadBalancerOptions } from './load-balancer.js';

export interface ListedFlow {
  readonly name: string;
  readonly dests?: readonly string[];
  readonly dports?: readonly string[];
  readonly matches_count: number;
}

/** A `flowlb` without flows. */
export async function startFlowLb(net: Topology, options: LoadBalancerOptions = {}): Promise<LoadBalancer> {
  return await LoadBalancer.start(net, { flows: true, targets: [], ...options });
}

/** Creates the table of an application; returns its name. */
export async function tableOf(net: Topology, lb: LoadBalancer, application: string, ...targets: readonly Target[]): Promise<string> {
  const name = net.sharedMemory(application);
  await lb.run('init', `--shm=${name}`, '--M=997', '--N=32');
  if (targets.length > 0) await lb.run('activate', `--shm=${name}`, ...targets.map(({ fwmark }) => String(fwmark)));
  return name;
}

/** The matches_count of each flow. */
export async function matches(lb: LoadBalancer): Promise<Record<string, number>> {
  const listed = JSON.parse(await lb.run('flow-list')) as ListedFlow[];
  return Object.fromEntries(listed.map(({ name, matches_count }) => [name, matches_count]));
}

/** Which targets answered, by number. */
export function answering({ byTarget }: { readonly byTarget: readonly number[] }): number[] {
  return byTarget.flatMap((count, i) => (count > 0 ? [i + 1] : []));
}
