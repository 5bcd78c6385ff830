import { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { sites, trafficCommand } from './program.js';
import type { Sent } from './sender.js';

export interface ReceiveOptions {
  /** Default 5000. */
  readonly port?: number;
  /** Counts flow numbers below this. Default 65536. */
  readonly flows?: number;
  /** Polling interval, microseconds. Default: wake up for every packet, as latency measurements need. */
  readonly period?: number;
  /** Report `byFlow`. */
  readonly eachFlow?: boolean;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

export interface Received {
  readonly received: number;
  /** Distinct sequence numbers. */
  readonly distinct: number;
  readonly duplicates: number;
  /** Packets overtaken by a later packet of their flow. */
  readonly reordered: number;
  /** Packets not sent by a {@link Sender}, or whose flow number is too high. */
  readonly foreign: number;
  /** Packets lost because a socket buffer of the receiver was full. */
  readonly overflows: number;
  /** Time from the first packet to the last. */
  readonly seconds: number;
  /** First and last number of each gap in the sequence numbers below the highest received; at most eight gaps. */
  readonly gaps: readonly (readonly [number, number])[];
  /** Packets by target, target 1 first. */
  readonly byTarget: readonly number[];
  readonly flows: number;
  /** How many flows went to more than one target. */
  readonly splitFlows: number;
  /** From the sender's system call to the receiver's, microseconds. */
  readonly latency: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'longest', number>>;
  /** Packets of each flow by target; with `eachFlow`. */
  readonly byFlow?: readonly (readonly number[])[];
}

/** Receives the packets of {@link Sender}s on all targets in one process, so it detects losses whichever target they were for. */
export class Receiver implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(net: Topology, options: ReceiveOptions = {}): Promise<Receiver> {
    const { port, flows, period, eachFlow, cpu } = options;
    const command = trafficCommand('receive', { at: sites(net), port, flows, 'period-us': period, 'each-flow': eachFlow }, cpu);
    const running = await Running.start(command);
    await running.waitForOutput(/^ready$/m);
    return new Receiver(running);
  }

  /** Waits until no packets have arrived for 0.2 s, and returns the counts. */
  async finish(): Promise<Received> {
    this.#running.signal('SIGTERM');
    const output = await this.#running.output();
    return JSON.parse(output.slice(output.indexOf('{')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/** How many packets of the senders never arrived. */
export function lost(received: Received, ...senders: readonly Sent[]): number {
  return senders.reduce((sum, { sent }) => sum + sent, 0) - received.distinct;
}
