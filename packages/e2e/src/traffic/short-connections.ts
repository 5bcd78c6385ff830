import { FIRST_SOURCE4, FIRST_SOURCE6 } from '../topology/plan.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';
import type { Received } from './receiver.js';

export interface ShortConnectionsOptions {
  readonly family: 4 | 6;
  readonly seconds: number;
  /** Connections/s, evenly spaced. Default: as many as can be. */
  readonly rate?: number;
  /** At a time, at most. Default 64. */
  readonly parallel?: number;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

export interface ShortConnections {
  readonly begun: number;
  readonly answered: number;
  /** Refused, or not answered within 4 s. */
  readonly failed: number;
  readonly seconds: number;
  /** From before connecting until the answer, of those that were answered, microseconds. */
  readonly latency: Received['latency'];
}

/** Client's addresses: a closed connection keeps its port for a minute. */
const SOURCES = 200;

/** Opens TCP connections to the VIP, each for one request and its answer, to servers started by `EchoServers`. */
export async function shortConnections(net: Topology, options: ShortConnectionsOptions): Promise<ShortConnections> {
  const { family, seconds, rate, parallel, cpu } = options;
  const command = trafficCommand(
    'connections',
    {
      to: net.vip(family),
      from: family === 4 ? FIRST_SOURCE4 : FIRST_SOURCE6,
      sources: SOURCES,
      parallel,
      rate: rate === undefined ? undefined : Math.round(rate),
      milliseconds: Math.round(seconds * 1000),
    },
    cpu,
  );
  return JSON.parse(await net.client.run(command));
}
