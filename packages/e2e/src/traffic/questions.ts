import type { Running } from '../processes/running.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from './program.js';

export interface AskOptions {
  readonly protocol: 'udp' | 'tcp';
  /** Default 4. */
  readonly family?: 4 | 6;
  /** Default: the topology's VIP. */
  readonly to?: string;
  /** Default 7. */
  readonly port?: number;
  /** The client's address. Default: the kernel's choice. */
  readonly from?: string;
  /** How many, each with its own source port. Default 1. */
  readonly connections?: number;
  /** Requests on each; 0 = until {@link Questions.stop}. Default 1. */
  readonly repeat?: number;
  /** Milliseconds between two rounds of requests. Default 0. */
  readonly interval?: number;
  /** For connecting and for an answer, milliseconds. Default 1000. */
  readonly timeout?: number;
  /** Length of a request. A UDP request above the MTU is fragmented. Default 8, at most 65000. */
  readonly octets?: number;
}

export interface Answers {
  readonly asked: number;
  readonly answered: number;
  /** TCP connections that failed or were never established. */
  readonly broken: number;
  /** Connections answered by more than one target. */
  readonly moved: number;
  /** Answers by target, target 1 first; as long as the highest target that answered. */
  readonly byTarget: readonly number[];
}

/** Requests from the client to the VIP, answered by `EchoServers`. */
export class Questions implements AsyncDisposable {
  #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(net: Topology, options: AskOptions): Promise<Questions> {
    const command = trafficCommand('ask', {
      to: options.to ?? net.vip(options.family ?? 4),
      'to-port': options.port,
      from: options.from,
      udp: options.protocol === 'udp',
      count: options.connections,
      repeat: options.repeat,
      'interval-ms': options.interval,
      'timeout-ms': options.timeout,
      octets: options.octets,
    });
    return new Questions(await net.client.spawn(command));
  }

  /** Waits until all requests are done. */
  async finish(): Promise<Answers> {
    return JSON.parse(await this.#running.output());
  }

  /** Stops after the answer it waits for. */
  async stop(): Promise<Answers> {
    this.#running.signal('SIGTERM');
    return this.finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/** Sends requests and waits for the answers. */
export async function ask(net: Topology, options: AskOptions): Promise<Answers> {
  await using questions = await Questions.start(net, options);
  return await questions.finish();
}
