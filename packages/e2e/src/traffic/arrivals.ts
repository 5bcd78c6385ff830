import { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { sites, trafficCommand } from './program.js';

/** Packets of one kind that came to a target. */
export interface Arrival {
  /** By number, from 1 on. */
  readonly target: number;
  readonly family: 4 | 6;
  /** Addresses of the packet itself: an ICMP error's source is whoever found the error. */
  readonly source: string;
  readonly destination: string;
  /** Of the connection that the packet belongs to, or that the ICMP error is about. IANA number. */
  readonly protocol: number;
  readonly clientPort: number;
  readonly servicePort: number;
  /** SCTP in UDP: the ports are those of SCTP. */
  readonly encapsulated: boolean;
  /** Type and code, where it is ICMP. */
  readonly icmp?: readonly [number, number];
  readonly packets: number;
}

/** Watches, at all targets at once, what comes to which: a reader of packets of its own, in C. */
export class Arrivals implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** @param encapPort UDP port that carries SCTP */
  static async start(net: Topology, encapPort?: number): Promise<Arrivals> {
    const running = await Running.start(trafficCommand('arrivals', { at: sites(net), 'encap-port': encapPort }));
    await running.says(/^ready$/m);
    return new Arrivals(running);
  }

  /** Ends the watch. Throws when it missed a packet or could not read one: what it tells is all there was. */
  async finish(): Promise<Arrival[]> {
    this.#running.signal('SIGTERM');
    const output = await this.#running.output();
    const { overflows, unreadable, arrivals } = JSON.parse(output.slice(output.indexOf('{'))) as {
      overflows: number;
      unreadable: number;
      arrivals: Arrival[];
    };
    if (overflows + unreadable > 0) throw new Error(`arrivals: ${overflows} packets missed, ${unreadable} unreadable`);
    return arrivals;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
