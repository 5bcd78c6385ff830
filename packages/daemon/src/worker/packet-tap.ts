import type { MessagePort } from 'node:worker_threads';
import { type Balancer, extractKey, FlowBalancer, IPPROTO_SCTP, Kind, PacketKey, packetLength } from '@nfqlb/core';
import { hasFlow } from '@nfqlb/core/explanation';
import { FlowLookup, NO_FLOW } from '@nfqlb/core/flows';
import { Area } from '@nfqlb/protocol/trace';
import { receiveNewest } from '../shared/newest-message.js';
import { PacketNote, PacketRing, type TapOptions } from '../trace/packet-ring.js';
import type { TraceFlowGeneration } from '../trace/trace-flows.js';
import { WallClock } from './wall-clock.js';

/**
 * Passes packets to the main thread as the worker decides them. While nobody traces, it costs one load of a shared word per batch; during a trace
 * it may take time and allocate, but never waits.
 */
export class PacketTap {
  readonly #ring: PacketRing;
  readonly #port: MessagePort;
  readonly #note = new PacketNote();
  /** Key of a packet of SCTP in UDP, read as UDP. */
  readonly #key = new PacketKey();
  readonly #clock = new WallClock();
  #flows: FlowLookup | undefined;
  #areas = 0;

  constructor({ ring, flows }: TapOptions) {
    this.#ring = new PacketRing(ring);
    this.#port = flows;
  }

  /**
   * Checks whether somebody traces; called once per batch.
   *
   * @param generation of the flows used for the batch
   */
  open(generation: number): boolean {
    this.#areas = this.#ring.areas;
    if (this.#areas === 0) return false;
    if (this.#ring.flows !== this.#note.traceGeneration) this.#takeFlows();
    this.#note.time = this.#clock.at(Date.now(), performance.now());
    this.#note.generation = generation;
    return true;
  }

  /** Passes on a packet and what `balancer` has just decided about it, if it is to be traced. */
  show(balancer: Balancer, fwmark: number, bytes: Uint8Array, at: number, length: number, etherType: number): void {
    const { kind, key, reason, bucket } = balancer;
    const note = this.#note;
    note.traceFlow = (this.#areas & Area.Flows) !== 0 ? this.#traceFlowOf(balancer, bytes, at, length, etherType) : NO_FLOW;
    let areas = this.#areas & Area.Packet;
    if (note.traceFlow !== NO_FLOW) areas |= Area.Flows;
    if (kind === Kind.Fragment || kind === Kind.FirstFragment) areas |= this.#areas & Area.Fragment;
    if (kind !== Kind.Malformed && key.protocol === IPPROTO_SCTP) areas |= this.#areas & Area.Sctp;
    if (areas === 0) return;
    note.areas = areas;
    note.fwmark = fwmark;
    note.reason = reason;
    note.kind = kind;
    note.hash = balancer.hash | 0;
    note.bucket = bucket;
    note.buckets = balancer.buckets;
    note.flow = balancer instanceof FlowBalancer && hasFlow(reason, bucket) ? balancer.flow : NO_FLOW;
    note.etherType = etherType;
    // The length in the header may be too small.
    note.wireLength = kind === Kind.Malformed ? length : Math.max(length, packetLength(bytes, at, etherType));
    this.#ring.put(note, key, bytes, at, length);
  }

  /** SCTP in UDP can match as SCTP or as UDP. */
  #traceFlowOf(balancer: Balancer, bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const flows = this.#flows;
    if (!flows) return NO_FLOW;
    const flow = flows.find(balancer.key, balancer.kind, bytes);
    if (flow !== NO_FLOW) return flow;
    return flows.find(this.#key, extractKey(this.#key, bytes, at, length, etherType, 0), bytes);
  }

  #takeFlows(): void {
    const newest = receiveNewest<TraceFlowGeneration>(this.#port);
    // The generation's number may arrive before the message.
    if (!newest) return;
    this.#note.traceGeneration = newest.number;
    this.#flows = new FlowLookup(newest.flows);
  }
}
