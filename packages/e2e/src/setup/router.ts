import { NFQLB } from '../load-balancer/program.js';
import type { LbHost } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';

/**
 * Removes the rules that queue packets on a topology's load balancer and route fwmarks to targets, so that `nfqlb up` must add them.
 * The VIP is still routed to the device where packets without a fwmark are counted as astray.
 */
export async function makeBare({ lb, targets, mode }: Pick<Topology, 'lb' | 'targets' | 'mode'>): Promise<void> {
  for (const family of [4, 6] as const) {
    for (const { fwmark } of targets) await lb.ip(`-${family} rule delete fwmark ${fwmark} table ${fwmark}`);
    await lb.iptables(family, '-t mangle -F PREROUTING');
    if (mode === 'nat') await lb.iptables(family, '-t nat -F PREROUTING');
  }
}

/** Runs an nfqlb command on the load balancer's host and returns its stdout; throws if it fails. */
export function nfqlb(lb: LbHost, ...args: readonly string[]): Promise<string> {
  return lb.run([...NFQLB.command, ...args]);
}

/** The options of `nfqlb up` for a topology: VIPs of both families, and targets with their fwmarks. */
export function setUpOf({ lb, targets, vip4, vip6, mode }: Topology): string[] {
  return [
    `--mode=${mode}`,
    `--vip=${vip4}/32`,
    `--vip=${vip6}/128`,
    ...targets.flatMap(({ fwmark, host }) => {
      const { ipv4, ipv6 } = lb.wire(host).peer;
      return [`${fwmark}=${ipv4}`, `${fwmark}=${ipv6}`];
    }),
  ];
}
