import { E2eError } from '../e2e-error.js';
import { run } from '../processes/running.js';
import { Client, type Host, LbHost, Router, Target } from './host.js';
import { newTopologyName, removeTopology } from './lifetime.js';
import { CLIENT, GATE, type LinkEnd, type Mode, type Plan, plan, ROUTER, SILENT, type TopologyOptions, VIP4, VIP6 } from './plan.js';

/**
 * A client, load balancers and targets, each in its own network namespace, with IPv4 and IPv6. Topologies are independent: any
 * number can exist at the same time.
 *
 * ```ts
 * await using net = await Topology.create({ targets: 4, mode: 'dsr' });
 * await net.client.run(['ping', '-c', '1', net.vip4]);
 * ```
 */
export class Topology implements AsyncDisposable {
  readonly name: string;
  readonly mode: Mode;
  readonly vip4: string = VIP4;
  readonly vip6: string = VIP6;
  readonly client: Client;
  /** The two ends of the narrow link, the client's first; empty without such a link. */
  readonly routers: readonly Router[];
  readonly lbs: readonly LbHost[];
  readonly targets: readonly Target[];

  private constructor(name: string, plan: Plan) {
    this.name = name;
    this.mode = plan.mode;
    this.client = new Client(name, CLIENT, plan);
    this.routers = plan.narrow === undefined ? [] : [GATE, ROUTER].map((host) => new Router(name, host, plan));
    this.lbs = plan.lbs.map((_, i) => new LbHost(name, i + 1, plan));
    this.targets = plan.targets.map((_, i) => new Target(name, i + 1, plan));
  }

  /** @throws {@link E2eError} `conflict` for invalid options, `command-failed` if the set-up fails */
  static async create(options: TopologyOptions = {}): Promise<Topology> {
    const { targets = 1, lbs = 1, mode = 'dsr', narrow = 1500 } = options;
    if (targets < 1 || targets > 99) throw new E2eError('conflict', `targets: ${targets}; must be 1-99`);
    if (lbs < 1 || lbs > 9) throw new E2eError('conflict', `lbs: ${lbs}; must be 1-9`);
    // The answer must come back through the LB that translated the request.
    if (lbs > 1 && mode === 'nat') throw new E2eError('conflict', 'lbs: must be 1 with mode nat');
    // IPv6 requires an MTU of at least 1280 (RFC 8200 §5); the other links have 1500.
    if (narrow < 1280 || narrow > 1500) throw new E2eError('conflict', `narrow: ${narrow}; must be 1280-1500`);

    const planned = plan(options);
    const net = new Topology(newTopologyName(), planned);
    try {
      await net.#build(planned);
    } catch (error) {
      removeTopology(net.name);
      throw error;
    }
    return net;
  }

  /** The only load balancer, or the first. */
  get lb(): LbHost {
    return this.lbs[0]!;
  }

  get hosts(): readonly Host[] {
    return [this.client, ...this.routers, ...this.lbs, ...this.targets];
  }

  /** By number, starting at 1. */
  target(number: number): Target {
    const target = this.targets[number - 1];
    if (!target) throw new RangeError(`target ${number}: must be 1-${this.targets.length}`);
    return target;
  }

  vip(family: 4 | 6): string {
    return family === 4 ? this.vip4 : this.vip6;
  }

  /** A name for shared memory, which all namespaces of the machine share. It is removed with the topology. */
  sharedMemory(name: string): string {
    return `${this.name}-${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeTopology(this.name);
  }

  async #build(plan: Plan): Promise<void> {
    const end = ({ host, device, mac }: LinkEnd): string => `name ${device} address ${mac} ${SILENT} netns ${this.name}-${host}`;
    const lines = [
      ...this.hosts.map(({ name }) => `netns add ${name}`),
      ...plan.links.map(([a, b]) => `link add ${end(a)} type veth peer ${end(b)}`),
    ];
    await run(['ip', '-batch', '-'], { input: lines.join('\n') });
    await Promise.all([this.client, ...this.routers, ...this.lbs, ...this.targets].map((host) => host.setUp(host.setup(plan))));
    if (plan.mode === 'nat') await this.lb.translate(this.targets);
  }
}
