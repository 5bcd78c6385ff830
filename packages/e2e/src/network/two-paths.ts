import type { LoadBalancer } from '../load-balancer/load-balancer.js';
import type { Family } from '../matrix/behaviours.js';
import type { LbHost } from '../topology/host.js';
import { CLIENT } from '../topology/plan.js';
import type { Topology } from '../topology/topology.js';

/** The service's second address if both paths have the same family. */
export const SECOND_VIP = { 4: '10.0.0.2', 6: '1000::2' } as const;

/** A path between client and service, disjoint from others except for its ends. */
export interface Path {
  /** All packets pass through it in both directions. */
  readonly lb: LbHost;
  readonly vip: string;
  readonly client: string;
}

/**
 * Sets up two paths in a topology with two LBs, each with an address of the service and one of the client. For a multihomed service both
 * LBs balance both addresses.
 */
export async function twoPaths(net: Topology, lbs: readonly LoadBalancer[], families: readonly [Family, Family]): Promise<[Path, Path]> {
  const [first, second] = families;
  if (first === second) {
    const vip = SECOND_VIP[first];
    await Promise.all(net.targets.map((target) => target.ip(`address add ${vip}/${first === 4 ? 32 : '128 nodad'} dev ${CLIENT}`)));
    for (const { host, queues, isFast } of lbs) await host.serve(first, vip, queues, isFast ? 'unmarked' : 'all');
  }
  const onePath = async (family: Family, lb: LbHost, vip: string): Promise<Path> => {
    const address = family === 4 ? 'ipv4' : 'ipv6';
    const { own, peer } = net.client.wire(lb.host);
    await net.client.ip(`route replace ${vip} via ${peer[address]}`);
    // The kernel chooses source addresses when usrsctp encapsulates or uses IPv6.
    for (const target of net.targets) await target.ip(`route replace ${own[address]} via ${target.wire(lb.host).peer[address]} src ${vip}`);
    return { lb, vip, client: own[address] };
  };
  return [
    await onePath(first, net.lbs[0]!, net.vip(first)),
    await onePath(second, net.lbs[1]!, first === second ? SECOND_VIP[second] : net.vip(second)),
  ];
}

/** Silently drops all packets in both directions. */
export async function cut({ lb }: Path): Promise<void> {
  for (const family of [4, 6] as const) await lb.iptables(family, '-t mangle -I PREROUTING -j DROP');
}

export async function restore({ lb }: Path): Promise<void> {
  for (const family of [4, 6] as const) await lb.iptables(family, '-t mangle -D PREROUTING -j DROP');
}
