import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { fwmarks, shown } from '../load-balancer/shown-table.js';
import type { Target } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { TableKeeper } from './kept-table.js';
import { WebServer } from './web-server.js';

/** The address of a target on its wire to the load balancer. */
export function ownAddress(target: Target, family: 4 | 6 = 4): string {
  const { own } = target.wire('lb1');
  return family === 4 ? own.ipv4 : own.ipv6;
}

/** A load balancer with four targets that are checked over HTTP, two with nginx and two with HAProxy, which also answer as echo servers. */
export class CheckedSite implements AsyncDisposable {
  readonly net: Topology;
  readonly lb: LoadBalancer;
  readonly servers: readonly WebServer[];
  readonly keeper: TableKeeper;
  readonly #resources: readonly AsyncDisposable[];

  private constructor(net: Topology, lb: LoadBalancer, servers: readonly WebServer[], keeper: TableKeeper, resources: AsyncDisposable[]) {
    this.net = net;
    this.lb = lb;
    this.servers = servers;
    this.keeper = keeper;
    this.#resources = resources;
  }

  static async start(health: object): Promise<CheckedSite> {
    const resources: AsyncDisposable[] = [];
    const add = <T extends AsyncDisposable>(resource: T): T => {
      resources.unshift(resource);
      return resource;
    };
    try {
      const net = add(await Topology.create({ targets: 4 }));
      const lb = add(await LoadBalancer.start(net, { init: ['--drain=60'] }));
      const kinds = ['nginx', 'nginx', 'haproxy', 'haproxy'] as const;
      const servers: WebServer[] = [];
      for (const [i, kind] of kinds.entries()) servers.push(add(await WebServer.start(net.targets[i]!, kind)));
      add(await EchoServers.start(net));
      const targets = net.targets.map((target) => ({ fwmark: target.fwmark, addresses: [ownAddress(target)], health }));
      const keeper = add(await TableKeeper.start(net.lb, { name: lb.table, panic: 0.5, vips: [net.vip4], targets }));
      return new CheckedSite(net, lb, servers, keeper, resources);
    } catch (error) {
      for (const resource of resources) await resource[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The fwmark of each bucket. */
  async buckets(): Promise<(number | undefined)[]> {
    return fwmarks(await shown(this.lb));
  }

  /** The fwmarks that the table uses, sorted. */
  async active(): Promise<number[]> {
    return (await shown(this.lb)).targets.map(({ fwmark }) => fwmark).sort((a, b) => a - b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources) await resource[Symbol.asyncDispose]();
  }
}
