import type { Topology } from '../topology/topology.js';
import { FLOW_ADDRESS, sendToFlowLb } from './flow-commands.js';
import type { LoadBalancer } from './load-balancer.js';

/** How many flows are redefined per second. */
const CHANGES_PER_SECOND = 50;

/** Where the destinations of the others are. */
export const OTHER_DESTINATIONS: readonly string[] = ['10.9.0.0/16', 'fd00:9::/112'];

type Flow = Readonly<Record<'name' | 'target', string>> & Readonly<Record<string, string | number>>;

/**
 * Thousands of typical flows (VIPs and ports) with a higher priority than the flow that matches all packets to the topology's VIP. That flow
 * uses the load balancer's table, the others have their own tables with the topology's last target.
 */
export class ManyFlows {
  readonly #net: Topology;
  readonly #lb: LoadBalancer;
  readonly #tables: readonly string[];
  readonly #count: number;
  #changes = 0;

  /** @param lb accepts flow commands at {@link FLOW_ADDRESS} */
  constructor(net: Topology, lb: LoadBalancer, options: { readonly count: number; readonly tables: number }) {
    this.#net = net;
    this.#lb = lb;
    this.#count = options.count;
    this.#tables = Array.from({ length: options.tables }, (_, i) => net.sharedMemory(`many${i}`));
  }

  /** Creates the tables and defines the flows. */
  async define(): Promise<void> {
    const targets = { [this.#net.targets.at(-1)!.fwmark]: 1 };
    const tables = Object.fromEntries(this.#tables.map((name) => [name, { M: 97, N: 4, targets }]));
    await this.#lb.apply({ tables, flows: [this.#application(), ...Array.from({ length: this.#count - 1 }, (_, i) => this.#other(i, i))] });
  }

  /** Like {@link define}, but by a command for each flow, as C nfqlb takes them. */
  async defineOneByOne(): Promise<void> {
    const target = String(this.#net.targets.at(-1)!.fwmark);
    for (const name of this.#tables) {
      await this.#lb.run('init', `--shm=${name}`, '--M=97', '--N=4');
      await this.#lb.run('activate', `--shm=${name}`, target);
    }
    await this.#set([this.#application(), ...Array.from({ length: this.#count - 1 }, (_, i) => this.#other(i, i))]);
  }

  /** Redefines flows for `seconds`: the one that matches the packets, and others, with different ports and tables than before. */
  async redefine(seconds: number): Promise<void> {
    const flows = Array.from({ length: seconds * CHANGES_PER_SECOND }, () => {
      const change = ++this.#changes;
      return change % 5 === 0 ? this.#application() : this.#other((change * 7919) % (this.#count - 1), change);
    });
    await this.#set(flows, 1000 / CHANGES_PER_SECOND);
  }

  async #set(flows: readonly Flow[], interval = 0): Promise<void> {
    const requests = flows.map(
      (flow) =>
        `action:set\n${Object.entries(flow)
          .map((field) => field.join(':'))
          .join('\n')}\neoc:\n`,
    );
    const accepted = await sendToFlowLb(this.#net.lb, requests, interval);
    if (accepted !== requests.length) throw new Error(`${requests.length - accepted} of ${requests.length} flow commands were rejected`);
  }

  #application(): Flow {
    const more = this.#changes % 2 === 0 ? { protocols: 'udp,tcp' } : {};
    return { name: 'application', target: this.#lb.table, priority: 0, dsts: `${this.#net.vip4}/32,${this.#net.vip6}/128`, ...more };
  }

  #other(flow: number, variant: number): Flow {
    return {
      name: `f${flow}`,
      target: this.#tables[variant % this.#tables.length]!,
      priority: 1 + (variant % 9),
      protocols: 'udp',
      dsts: `10.9.${flow >> 8}.${flow & 255}/32,fd00:9::${flow.toString(16)}/128`,
      dports: String(1 + ((flow + variant) % 60_000)),
    };
  }
}
