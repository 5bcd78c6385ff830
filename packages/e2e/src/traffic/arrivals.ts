import { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { sites, trafficCommand } from './program.js';

/** Packets of one kind that reached a target. */
export interface Arrival {
  /** The target's number, starting at 1. */
  readonly target: number;
  readonly family: 4 | 6;
  /** Addresses of the packet itself: an ICMP error's source is the host that detected the error. */
  readonly source: string;
  readonly destination: string;
  /** Of the connection that the packet belongs to, or that the ICMP error refers to. IANA number. */
  readonly protocol: number;
  readonly clientPort: number;
  readonly servicePort: number;
  /** SCTP in UDP; the ports are the SCTP ports. */
  readonly encapsulated: boolean;
  /** Type and code, for ICMP. */
  readonly icmp?: readonly [number, number];
  readonly packets: number;
}

export interface ArrivalsOptions {
  /** UDP port that carries SCTP. */
  readonly encapPort?: number;
  /** How long no packet has arrived before {@link Arrivals.finish} ends, in milliseconds: where packets may still be on their way. Default 0. */
  readonly silence?: number;
}

/** Records the packets that reach each target, with an independent packet parser in C. */
export class Arrivals implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(net: Topology, { encapPort, silence }: ArrivalsOptions = {}): Promise<Arrivals> {
    const running = await Running.start(trafficCommand('arrivals', { at: sites(net), 'encap-port': encapPort, 'silence-ms': silence }));
    await running.waitForOutput(/^ready$/m);
    return new Arrivals(running);
  }

  /** Stops recording. Throws if a packet was missed or could not be parsed, so the result is complete. */
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
