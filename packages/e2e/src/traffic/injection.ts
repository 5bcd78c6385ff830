import type { LbHost } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';

export interface InjectOptions {
  /** A classic pcap file (Ethernet or raw IP), or a file of lines of hex digits. */
  readonly file?: string;
  /** IP packets as hex digits, instead of a file. */
  readonly packets?: readonly string[];
  /** The packets are Ethernet frames, to be sent with the addresses that they have. Default: addressed to the LB. */
  readonly wholeFrames?: boolean;
  /** Packets/s. Default: as fast as it goes. */
  readonly rate?: number;
  /** Default: the first. */
  readonly lb?: LbHost;
}

export interface Injected {
  readonly sent: number;
  /** By the client's kernel: longer than the MTU, shorter than a header. */
  readonly refused: number;
}

/** Sends packets from the client to the LB just as they are, however malformed. */
export async function inject(net: Topology, options: InjectOptions): Promise<Injected> {
  const { file, packets = [], wholeFrames, rate, lb = net.lb } = options;
  const { own, peer } = net.client.wire(lb.host);
  const command = trafficCommand('inject', { device: own.device, 'to-mac': peer.mac, file, rate, 'whole-frames': wholeFrames });
  return JSON.parse(await net.client.run(command, { input: packets.map((packet) => `${packet}\n`).join('') }));
}
