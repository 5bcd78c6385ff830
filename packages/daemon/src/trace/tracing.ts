import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describeDecision } from '@nfqlb/core/explanation';
import type { Access, SocketAddress } from '@nfqlb/protocol/sockets';
import type { LogConfig, SentPacket } from '@nfqlb/protocol/trace';
import { Area, areaNames, PACKET_AREAS, TraceServer } from '@nfqlb/protocol/trace';
import type { FlowGeneration } from '../flows/flow-generations.js';
import { FlowNames } from '../flows/flow-names.js';
import { copyLog, log } from '../log/log.js';
import { decisionIn, describePacket } from './packet-line.js';
import { PacketRing, type TapOptions, type TracedPacket } from './packet-ring.js';
import { type TraceFlowGeneration, TraceFlows } from './trace-flows.js';

/** How often traced packets are fetched from the workers, in milliseconds. */
const FETCH_INTERVAL = 10;

/** Packets of a worker that are told at once, at most: then others have their turn. */
const AT_ONCE = 1000;

export interface TracingOptions {
  /** Who may trace. */
  readonly access: Access;
  /** Number of the first worker's queue; the others follow. */
  readonly firstQueue: number;
  readonly workers: number;
  readonly hashMode: 0 | 1;
  /** The target table of all packets; absent where flows have tables of their own. */
  readonly table: string | undefined;
}

/** What a running load balancer shows to who traces it. The main thread's. */
export class Tracing {
  /** The flows that choose packets to trace. */
  readonly flows: TraceFlows;
  readonly #options: TracingOptions;
  readonly #server: TraceServer;
  readonly #names = new FlowNames();
  readonly #workers: { readonly ring: PacketRing; readonly port: MessagePort; readonly tap: TapOptions; lost: number }[];
  #fetching: NodeJS.Timeout | undefined;
  #newestFlows: TraceFlowGeneration | undefined;

  constructor(options: TracingOptions, config: LogConfig) {
    this.#options = options;
    this.#workers = Array.from({ length: options.workers }, () => {
      const ring = new PacketRing();
      const { port1, port2 } = new MessageChannel();
      return { ring, port: port1, tap: { ring: ring.memory, flows: port2 }, lost: 0 };
    });
    this.flows = new TraceFlows((generation) => {
      this.#newestFlows = generation;
      this.#sendFlows();
    });
    this.#server = new TraceServer(config, {
      access: options.access,
      changed: (areas) => this.#follow(areas),
      hint: (areas) => this.#hint(areas),
    });
  }

  /** What a worker needs; the port of it is to be transferred. */
  tapOf(worker: number): TapOptions {
    return this.#workers[worker]!.tap;
  }

  /** @throws as `listen` */
  async listen(address: SocketAddress, insecure: boolean): Promise<void> {
    await this.#server.listen(address, insecure);
    copyLog((line) => this.tell(Area.Log, line));
  }

  /** Flows as workers number them from now on. */
  remember(generation: FlowGeneration): void {
    this.#names.remember(generation, this.#server.areas !== 0);
  }

  /** Whether anybody wants to know; else nothing need be said, nor found out. */
  wants(area: number): boolean {
    return (this.#server.areas & area) !== 0;
  }

  /** Tells something that is no packet, one line. */
  tell(area: number, text: string): void {
    this.#server.tell(area, text);
  }

  /** Sees what clients of C nfqlb have changed; to be called now and then. */
  look(): void {
    this.#server.look();
  }

  /** Says good-bye. */
  async close(): Promise<void> {
    clearInterval(this.#fetching);
    copyLog(undefined);
    this.#fetch();
    for (const { port } of this.#workers) port.close();
    await this.#server.close();
  }

  #follow(areas: number): void {
    log.info(areas === 0 ? 'nobody traces' : `tracing ${areaNames(areas)}`);
    this.#sendFlows();
    const packets = areas & PACKET_AREAS;
    for (const { ring } of this.#workers) ring.areas = packets;
    if (packets === 0) {
      clearInterval(this.#fetching);
      this.#fetching = undefined;
    } else if (!this.#fetching) {
      // What is there, others had asked for, and left.
      for (const worker of this.#workers) {
        worker.ring.clear();
        worker.lost = worker.ring.lost;
      }
      this.#fetching = setInterval(() => this.#fetch(), FETCH_INTERVAL);
    }
  }

  /** What a client would wait for in vain. */
  #hint(areas: number): string | undefined {
    if ((areas & Area.Flows) === 0 || this.flows.size > 0) return undefined;
    return 'there are no trace flows yet: nfqlb trace-flow-set';
  }

  /** Workers take up trace flows when somebody traces; before, they would only gather on the way. */
  #sendFlows(): void {
    const newest = this.#newestFlows;
    if (!newest || !this.wants(Area.Flows)) return;
    for (const { ring, port } of this.#workers) {
      if (ring.flows === newest.number) continue;
      port.postMessage(newest);
      ring.flows = newest.number;
    }
  }

  #fetch(): void {
    this.#workers.forEach((worker, i) => {
      for (let told = 0; told < AT_ONCE; told++) {
        const packet = worker.ring.take();
        if (!packet) break;
        this.#tellPacket(packet, this.#options.firstQueue + i);
      }
      const lost = (worker.ring.lost - worker.lost) | 0;
      worker.lost = worker.ring.lost;
      if (lost !== 0)
        this.#server.note(PACKET_AREAS, `${lost >>> 0} packets of queue ${this.#options.firstQueue + i} not traced: there were too many`);
    });
  }

  #tellPacket(packet: TracedPacket, queue: number): void {
    const { hashMode, table } = this.#options;
    const names = table === undefined ? this.#names.of(packet.generation, packet.flow) : { table };
    const traceFlow = packet.traceFlow < 0 ? undefined : this.flows.count(packet.traceGeneration, packet.traceFlow);
    const decision = decisionIn(packet, hashMode, names);
    const line = describePacket(packet, decision, queue, { traceFlow });
    this.#server.tell(packet.areas, line, () => sent(packet, describeDecision(decision)));
  }
}

function sent({ time, wireLength, octets }: TracedPacket, comment: string): SentPacket {
  return { time, wireLength, octets: Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64'), comment };
}
