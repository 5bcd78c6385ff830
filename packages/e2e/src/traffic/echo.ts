import { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { sites, trafficCommand } from './program.js';

export interface EchoOptions {
  /** Default: the VIPs, or with `nat` each target's own addresses. */
  readonly addresses?: readonly string[];
  /** Minimum length of UDP answers. Default: just the number. */
  readonly udpOctets?: number;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

/** Answers with the target's number over UDP and TCP, on every target. The client side is {@link ask}. */
export class EchoServers implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** @param port default 7 */
  static async start(net: Topology, port?: number, { addresses, udpOctets, cpu }: EchoOptions = {}): Promise<EchoServers> {
    const running = await Running.start(trafficCommand('echo', { at: sites(net, addresses), port, 'udp-octets': udpOctets }, cpu));
    await running.waitForOutput(/^ready$/m);
    return new EchoServers(running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
