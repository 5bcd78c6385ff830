import type { Running } from '../processes/running.js';
import type { LbHost } from '../topology/host.js';
import { FIRST_SOURCE4, FIRST_SOURCE6 } from '../topology/plan.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';

export interface SendOptions {
  /** Default 4. */
  readonly family?: 4 | 6;
  /** Packets/s, evenly spaced. Default: as fast as possible. */
  readonly rate?: number;
  /** Packets per wake-up of the sender, with a rate. Default 1, at most 64. */
  readonly burst?: number;
  /** Default: until stopped, or `count`. */
  readonly seconds?: number;
  /** How many packets. Default: until stopped, or `seconds`. */
  readonly count?: number;
  /** The number of flows is the product of both; packets cycle through the flows. Default 1 address, 100 ports. */
  readonly sourceAddresses?: number;
  readonly sourcePorts?: number;
  /** Octets of the whole IP packet, 44-1500 (64-1500 for IPv6). Default 64. */
  readonly length?: number;
  /** Sends each datagram in fragments with this many octets of data, a multiple of 8. Default: unfragmented. */
  readonly fragmentOctets?: number;
  /** Order of a datagram's fragments; some may be left out. Default `forward`. */
  readonly order?: 'forward' | 'reversed' | 'first-alone' | 'without-first';
  /** First flow and sequence number, for a second sender to the same receiver. Default 0. */
  readonly firstFlow?: number;
  readonly firstSequence?: number;
  /** Default 5000. */
  readonly port?: number;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
  /** Which LB to send to. Default: the first. */
  readonly lb?: LbHost;
}

export interface Sent {
  readonly sent: number;
  readonly seconds: number;
}

/**
 * Sends UDP from the client to the VIP: 64-octet IP packets of many flows, each with sequence number, flow number and timestamp. It
 * writes directly to the device (a packet socket), so that sending costs as little CPU time as possible.
 */
export class Sender implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(net: Topology, options: SendOptions = {}): Promise<Sender> {
    const { family = 4, seconds, sourceAddresses = 1, sourcePorts = 100, lb = net.lb, cpu } = options;
    const { own, peer } = net.client.wire(lb.host);
    const command = trafficCommand(
      'send',
      {
        device: own.device,
        'to-mac': peer.mac,
        from: family === 4 ? FIRST_SOURCE4 : FIRST_SOURCE6,
        sources: sourceAddresses,
        ports: sourcePorts,
        to: net.vip(family),
        'to-port': options.port,
        length: options.length,
        rate: options.rate,
        burst: options.burst,
        milliseconds: seconds === undefined ? undefined : Math.round(seconds * 1000),
        count: options.count,
        'first-flow': options.firstFlow,
        'first-sequence': options.firstSequence,
        'fragment-octets': options.fragmentOctets,
        order: options.order,
      },
      cpu,
    );
    return new Sender(await net.client.spawn(command));
  }

  /** Waits until all packets are sent. */
  async finish(): Promise<Sent> {
    return JSON.parse(await this.#running.output());
  }

  /** Stops now. */
  async stop(): Promise<Sent> {
    this.#running.signal('SIGTERM');
    return this.finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
