import { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { sites, trafficCommand } from './program.js';
import type { Sent } from './sender.js';

export interface ReceiveOptions {
  /** Default 5000. */
  readonly port?: number;
  /** Flow numbers below this are counted. Default 65536. */
  readonly flows?: number;
  /** Look for packets as seldom, microseconds. Default: wake up for every packet, which latencies need. */
  readonly period?: number;
  /** Tell `byFlow`. */
  readonly eachFlow?: boolean;
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

export interface Received {
  readonly received: number;
  /** Sequence numbers. */
  readonly distinct: number;
  readonly duplicates: number;
  /** Packets that a later one of their flow had overtaken. */
  readonly reordered: number;
  /** Packets that no {@link Sender} sent, or of a flow number too high. */
  readonly foreign: number;
  /** Packets that a full socket of the receiver lost: nobody else is to blame for them. */
  readonly overflows: number;
  /** From the first packet to the last. */
  readonly seconds: number;
  /** First and last of each run of sequence numbers missing below the highest received; eight runs at most. */
  readonly gaps: readonly (readonly [number, number])[];
  /** Packets; of target 1 first. */
  readonly byTarget: readonly number[];
  readonly flows: number;
  /** How many flows went to more than one target. */
  readonly splitFlows: number;
  /** From the sender's system call until the receiver's, microseconds. */
  readonly latency: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'longest', number>>;
  /** Packets of each flow by target; with `eachFlow`. */
  readonly byFlow?: readonly (readonly number[])[];
}

/** Receives, in one process on all targets, what {@link Sender}s send: so it sees what is lost, wherever it should have gone. */
export class Receiver implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(net: Topology, options: ReceiveOptions = {}): Promise<Receiver> {
    const { port, flows, period, eachFlow, cpu } = options;
    const command = trafficCommand('receive', { at: sites(net), port, flows, 'period-us': period, 'each-flow': eachFlow }, cpu);
    const running = await Running.start(command);
    await running.says(/^ready$/m);
    return new Receiver(running);
  }

  /** Waits until nothing comes any more (for 0.2 s), and tells what came. */
  async finish(): Promise<Received> {
    this.#running.signal('SIGTERM');
    const output = await this.#running.output();
    return JSON.parse(output.slice(output.indexOf('{')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/** How many packets of the senders never came. */
export function lost(received: Received, ...senders: readonly Sent[]): number {
  return senders.reduce((sum, { sent }) => sum + sent, 0) - received.distinct;
}
