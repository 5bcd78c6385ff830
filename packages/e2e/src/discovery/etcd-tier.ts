import { Site } from '../run/site.js';
import { makeBare } from '../setup/router.js';
import type { LbHost } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EtcdCtl, EtcdMember } from './etcd-member.js';

/** An address of a load balancer, the same for all others. */
export const lbAddress = (number: number): string => `10.77.0.${number}`;

/** An address of a target, the same for all load balancers. */
export const targetAddress = (number: number): string => `10.88.0.${number}`;

/** Three load balancers, each with a member of an etcd cluster, and targets that all of them can reach. */
export class EtcdTier implements AsyncDisposable {
  readonly net: Topology;
  readonly members: readonly EtcdMember[];
  readonly sites: readonly Site[];

  private constructor(net: Topology) {
    this.net = net;
    const cluster = new Map(net.lbs.map((_, i) => [`m${i + 1}`, lbAddress(i + 1)]));
    this.members = net.lbs.map(
      (lb, i) => new EtcdMember({ name: `m${i + 1}`, address: lbAddress(i + 1), cluster, spawn: (command) => lb.spawn(command) }),
    );
    this.sites = net.lbs.map((lb) => new Site(net, lb));
  }

  /** No member is started. */
  static async create(targets: number): Promise<EtcdTier> {
    const net = await Topology.create({ targets, lbs: 3 });
    for (const [i, lb] of net.lbs.entries()) {
      await makeBare({ lb, targets: net.targets, mode: net.mode });
      await lb.ip(`address add ${lbAddress(i + 1)}/32 dev lo`);
      for (const [j, other] of net.lbs.entries())
        if (i !== j) await lb.ip(`route add ${lbAddress(j + 1)} via ${lb.wire(other.host).peer.ipv4}`);
      for (const target of net.targets) {
        const { own, peer } = lb.wire(target.host);
        await lb.ip(`route add ${targetAddress(target.number)} dev ${own.device}`);
        await lb.ip(`neighbour add ${targetAddress(target.number)} lladdr ${peer.mac} dev ${own.device} nud permanent`);
      }
    }
    return new EtcdTier(net);
  }

  get endpoints(): string[] {
    return this.members.map(({ url }) => url);
  }

  /** etcd's client, on the second load balancer. */
  get ctl(): EtcdCtl {
    return new EtcdCtl(this.endpoints, [], (command) => this.net.lbs[1]!.run(command));
  }

  /** Cuts the first load balancer off from the others, or ends that. */
  async partition(what: 'begin' | 'end'): Promise<void> {
    const [first, ...others] = this.net.lbs as [LbHost, ...LbHost[]];
    for (const other of others) {
      for (const [chain, direction] of [
        ['INPUT', '-i'],
        ['OUTPUT', '-o'],
      ] as const) {
        await first.iptables(4, `${what === 'begin' ? '-I' : '-D'} ${chain} ${direction} ${first.wire(other.host).own.device} -j DROP`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.sites.map((site) => site[Symbol.asyncDispose]()));
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
    await this.net[Symbol.asyncDispose]();
  }
}
