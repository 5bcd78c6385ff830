import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';

export interface BulkOptions {
  readonly family: 4 | 6;
  readonly seconds: number;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

/** Sends from the client to the VIP over one TCP connection, as fast as possible, to servers started by `EchoServers`; in bits/s. */
export async function bulk(net: Topology, { family, seconds, cpu }: BulkOptions): Promise<number> {
  const options = { to: net.vip(family), milliseconds: Math.round(seconds * 1000) };
  const sent = JSON.parse(await net.client.run(trafficCommand('bulk', options, cpu))) as { octets: number; seconds: number };
  return (8 * sent.octets) / sent.seconds;
}
