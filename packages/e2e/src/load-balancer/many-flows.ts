import type { Topology } from '../topology/topology.js';
import { FLOW_ADDRESS, sayToFlowLb } from './flow-commands.js';
import type { LoadBalancer } from './load-balancer.js';

/** How often flows are redefined, a second. */
const CHANGES = 50;

/**
 * Thousands of flows of the usual kind, VIPs and ports, of higher priority than one that has all packets to the topology's VIP. That leads to the
 * load-balancer's table, the others to tables of their own.
 */
export class ManyFlows {
  readonly #net: Topology;
  readonly #lb: LoadBalancer;
  readonly #tables: readonly string[];
  readonly #count: number;
  #changes = 0;

  /** @param lb takes flow commands at {@link FLOW_ADDRESS} */
  constructor(net: Topology, lb: LoadBalancer, options: { readonly count: number; readonly tables: number }) {
    this.#net = net;
    this.#lb = lb;
    this.#count = options.count;
    this.#tables = Array.from({ length: options.tables }, (_, i) => net.sharedMemory(`many${i}`));
  }

  /** Makes the tables, and defines the flows one after the other. Gives the seconds that the latter took. */
  async define(): Promise<number> {
    const tables = Object.fromEntries(this.#tables.map((name) => [name, { M: 97, N: 4, targets: { [this.#net.target(1).fwmark]: 1 } }]));
    await this.#lb.apply({ tables });
    const begin = performance.now();
    await this.#say([this.#application(), ...Array.from({ length: this.#count - 1 }, (_, i) => this.#other(i, i))]);
    return (performance.now() - begin) / 1000;
  }

  /** Redefines flows for so many seconds: the one that has the packets, and others, which go to other ports and tables than before. */
  async redefine(seconds: number): Promise<void> {
    const requests = Array.from({ length: seconds * CHANGES }, () => {
      const change = ++this.#changes;
      return change % 5 === 0 ? this.#application() : this.#other((change * 7919) % (this.#count - 1), change);
    });
    await this.#say(requests, 1000 / CHANGES);
  }

  #application(): string {
    return this.#set('application', this.#lb.table, 0, `dsts:${this.#net.vip4}/32\n${this.#changes % 2 === 0 ? 'protocols:udp\n' : ''}`);
  }

  #other(flow: number, variant: number): string {
    const match = `protocols:udp\ndsts:10.9.${flow >> 8}.${flow & 255}/32\ndports:${1 + ((flow + variant) % 60_000)}\n`;
    return this.#set(`f${flow}`, this.#tables[variant % this.#tables.length] ?? this.#lb.table, 1 + (variant % 9), match);
  }

  #set(name: string, target: string, priority: number, match: string): string {
    return `action:set\nname:${name}\ntarget:${target}\npriority:${priority}\n${match}eoc:\n`;
  }

  async #say(requests: readonly string[], interval?: number): Promise<void> {
    const accepted = await sayToFlowLb(this.#net.lb, requests, interval);
    if (accepted !== requests.length) throw new Error(`${requests.length - accepted} of ${requests.length} flow commands were refused`);
  }
}
