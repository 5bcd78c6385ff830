/**
 * A client, load balancers and targets in Docker containers:
 *
 *   ┌────────┐  front  ┌─────────┐  back   ┌─────────┐
 *   │ client ├────┬────┤ lb1 lb2 ├────┬────┤ t1 … tN │
 *   └────────┘    │    └─────────┘    │    └────┬────┘
 *                 └───────────────────┘─────────┘  with dsr targets are on both, have the VIP, and answer directly
 *
 * The client routes the VIPs through the load balancers.
 */
import { fileURLToPath } from 'node:url';
import type { Family, Queues } from '../matrix/behaviours.js';
import { docker, LB_IMAGE, TARGET_IMAGE } from './engine.js';
import { Machine } from './machine.js';
import { SiteNetwork } from './site-network.js';

export interface SiteOptions {
  readonly mode: 'nat' | 'dsr';
  readonly queues: Queues;
  /** Default 3. */
  readonly targets?: number;
  /** Default 1. */
  readonly lbs?: number;
  /** Additional variables for the load balancers' containers. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command of the load balancers' containers. Default: none, the environment configures them. */
  readonly command?: readonly string[];
}

export const VIP: Readonly<Record<Family, string>> = { 4: '10.0.0.1', 6: '2001:db8::1' };

const VIPS = `${VIP[4]}/32 ${VIP[6]}/128`;

const CLIENT_PROGRAM = fileURLToPath(new URL('client.mjs', import.meta.url));

/** Without these, IPv6 may be off in a container, and reverse path filters are those of Docker's host. */
export const HOST_SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv6.conf.all.disable_ipv6': '0',
  'net.ipv4.conf.all.rp_filter': '2',
};

const ROUTER_SYSCTLS = { ...HOST_SYSCTLS, 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' };

export class Site implements AsyncDisposable {
  readonly front: SiteNetwork;
  readonly back: SiteNetwork;
  readonly client: Machine;
  readonly targets: readonly Machine[];
  readonly lbs: readonly Machine[];

  private constructor(front: SiteNetwork, back: SiteNetwork, client: Machine, targets: readonly Machine[], lbs: readonly Machine[]) {
    this.front = front;
    this.back = back;
    this.client = client;
    this.targets = targets;
    this.lbs = lbs;
  }

  static async create({ mode, queues, targets: count = 3, lbs: lbCount = 1, env, command }: SiteOptions): Promise<Site> {
    const [front, back] = await Promise.all([SiteNetwork.create('front'), SiteNetwork.create('back')]);
    const target = (_: unknown, i: number): Promise<Machine> =>
      Machine.start({
        image: TARGET_IMAGE,
        name: `t${i + 1}`,
        networks: mode === 'dsr' ? [front, back] : [back],
        ready: / answers$/m,
        env: mode === 'dsr' ? { VIPS } : {},
        sysctls: HOST_SYSCTLS,
      });
    const [client, ...targets] = await Promise.all([
      Machine.start({
        image: TARGET_IMAGE,
        name: 'client',
        networks: [front],
        command: ['sleep', 'infinity'],
        sysctls: { ...HOST_SYSCTLS, 'net.ipv4.fib_multipath_hash_policy': '1', 'net.ipv6.fib_multipath_hash_policy': '1' },
        files: { [CLIENT_PROGRAM]: '/client.mjs' },
      }),
      ...Array.from({ length: count }, target),
    ]);
    const families: readonly Family[] = [4, 6];
    const lb = (_: unknown, i: number): Promise<Machine> =>
      Machine.start({
        image: LB_IMAGE,
        name: `lb${i + 1}`,
        networks: [front, back],
        ready: /listening on queue/,
        sysctls: ROUTER_SYSCTLS,
        devices: ['/dev/net/tun'],
        env: {
          NFQLB_VIPS: VIPS,
          NFQLB_TARGETS: families.flatMap((family) => targets.map((one) => one.address(back, family))).join(' '),
          NFQLB_MODE: mode,
          NFQLB_QUEUE: queues === 1 ? '2' : '0:3',
          ...env,
        },
        ...(command ? { command } : {}),
      });
    const lbs = await Promise.all(Array.from({ length: lbCount }, lb));
    const site = new Site(front, back, client, targets, lbs);
    await site.routeThrough(...lbs);
    return site;
  }

  /** The only load balancer, or the first. */
  get lb(): Machine {
    return this.lbs[0]!;
  }

  /** By number, starting at 1, which is also its fwmark. */
  target(number: number): Machine {
    const target = this.targets[number - 1];
    if (!target) throw new RangeError(`target ${number}: must be 1-${this.targets.length}`);
    return target;
  }

  /** Routes the client's packets to the VIPs through these, as a routing protocol would. */
  async routeThrough(...lbs: readonly Machine[]): Promise<void> {
    const hops = (family: Family): string => lbs.map((lb) => `nexthop via ${lb.address(this.front, family)}`).join(' ');
    await this.client.script(`ip route replace ${VIP[4]} ${hops(4)}`, `ip -6 route replace ${VIP[6]} ${hops(6)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker('rm', '--force', '--volumes', ...[this.client, ...this.targets, ...this.lbs].map(({ id }) => id));
    await Promise.all([this.front.remove(), this.back.remove()]);
  }
}

/** How many packets have been queued to a load balancer: the kernel's packet ids count a queue's packets. */
export async function queued(lb: Machine): Promise<number> {
  const rows = (await lb.run('cat', '/proc/net/netfilter/nfnetlink_queue')).trimEnd().split('\n');
  return rows.map((row) => Number(row.trim().split(/\s+/)[7])).reduce((sum, count) => sum + count, 0);
}

/** Starts counting the packets with a source address that reach a machine; the result returns the count. */
export async function packetsFrom(machine: Machine, family: Family, address: string): Promise<() => Promise<number>> {
  const program = family === 4 ? 'iptables' : 'ip6tables';
  // In `raw`, before anything can drop or translate a packet.
  await machine.runAsRoot(program, '-t', 'raw', '-A', 'PREROUTING', '-s', address);
  return async () => {
    const lines = (await machine.runAsRoot(program, '-t', 'raw', '-nvxL', 'PREROUTING'))
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    const rule = lines.find((words) => words.includes(address));
    if (!rule) throw new RangeError(`${machine.name}: no rule counts packets from ${address}`);
    return Number(rule[0]);
  };
}
