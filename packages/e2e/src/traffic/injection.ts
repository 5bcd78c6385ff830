import type { Host, LbHost } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';

export interface InjectOptions {
  /** A classic pcap file (Ethernet or raw IP), or a file with lines of hex digits. */
  readonly file?: string;
  /** IP packets as hex digits, instead of a file. */
  readonly packets?: readonly string[];
  /** The packets are Ethernet frames, sent with their own MAC addresses. Default: addressed to the LB. */
  readonly wholeFrames?: boolean;
  /** Packets/s. Default: as fast as possible. */
  readonly rate?: number;
  /** Default: the first. */
  readonly lb?: LbHost;
  /** The sending host. Default: the client. */
  readonly from?: Host;
  /** The name of the host at the other end of its wire. Default: the LB's. */
  readonly to?: string;
}

export interface Injected {
  readonly sent: number;
  /** Packets refused by the sender's kernel: longer than the MTU, shorter than a header. */
  readonly refused: number;
}

/** Sends packets unchanged, even malformed ones; by default from the client to the LB. */
export async function inject(net: Topology, options: InjectOptions): Promise<Injected> {
  const { file, packets = [], wholeFrames, rate, lb = net.lb, from = net.client, to = lb.host } = options;
  const { own, peer } = from.wire(to);
  const command = trafficCommand('inject', { device: own.device, 'to-mac': peer.mac, file, rate, 'whole-frames': wholeFrames });
  return JSON.parse(await from.run(command, { input: packets.map((packet) => `${packet}\n`).join('') }));
}
