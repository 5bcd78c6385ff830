import type { Server } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describeDecision } from '@nfqlb/core/explanation';
import type { Access, ListeningPlace } from '@nfqlb/protocol/sockets';
import type { LogConfig, SentPacket } from '@nfqlb/protocol/trace';
import { Area, areaNames, PACKET_AREAS, TraceServer } from '@nfqlb/protocol/trace';
import type { FlowGeneration } from '../flows/flow-generations.js';
import { FlowNames } from '../flows/flow-names.js';
import { copyLog, log } from '../log/log.js';
import { decisionIn, describePacket } from './packet-line.js';
import { PacketRing, type TapOptions, type TracedPacket } from './packet-ring.js';
import { type TraceFlowGeneration, TraceFlows } from './trace-flows.js';

/** How often traced packets are fetched from the workers. */
const FETCH_INTERVAL_MS = 10;

/** Maximum number of packets to fetch from a worker at a time, to keep the main thread responsive. */
const MAX_PACKETS_PER_FETCH = 1000;

export interface TracingOptions {
  /** Who may trace. */
  readonly access: Access;
  /** Queue of the first worker; the other workers have the next ones. */
  readonly firstQueue: number;
  readonly workers: number;
  readonly hashMode: 0 | 1;
  /** The target table of all packets; absent if flows have their own tables. */
  readonly table: string | undefined;
}

/** Sends traces of a running load balancer to trace clients. Belongs to the main thread. */
export class Tracing {
  /** The flows that select packets to trace. */
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

  /** Options for a worker; its port must be transferred. */
  tapOf(worker: number): TapOptions {
    return this.#workers[worker]!.tap;
  }

  /** @throws as `listen` */
  async listen(address: ListeningPlace, insecure: boolean): Promise<void> {
    await this.#server.listen(address, insecure);
    copyLog((line) => this.tell(Area.Log, line));
  }

  /** What it listens with, to pass to another process. */
  get server(): Server | undefined {
    return this.#server.server;
  }

  /** Remembers the names of flows in a new generation. */
  remember(generation: FlowGeneration): void {
    this.#names.remember(generation, this.#server.areas !== 0);
  }

  /** Whether any client traces this area; if not, there is no need to compose messages. */
  wants(area: number): boolean {
    return (this.#server.areas & area) !== 0;
  }

  /** Sends one line that is not about a packet. */
  tell(area: number, text: string): void {
    this.#server.tell(area, text);
  }

  /** Picks up changes made by clients of C nfqlb; must be called periodically. */
  look(): void {
    this.#server.look();
  }

  /** Sends the remaining packets, and closes all connections. */
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
      // Discard what is left from earlier clients.
      for (const worker of this.#workers) {
        worker.ring.clear();
        worker.lost = worker.ring.lost;
      }
      this.#fetching = setInterval(() => this.#fetch(), FETCH_INTERVAL_MS);
    }
  }

  /** Explains to a client why it would wait in vain. */
  #hint(areas: number): string | undefined {
    if ((areas & Area.Flows) === 0 || this.flows.size > 0) return undefined;
    return 'there are no trace flows yet: nfqlb trace-flow-set';
  }

  /** Sends trace flows to the workers, but only while somebody traces: otherwise workers do not read them, and they would pile up. */
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
      for (let told = 0; told < MAX_PACKETS_PER_FETCH; told++) {
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
