import { type Balancer, Kind, type PacketBatch, packetLength } from '@nfqlb/core';
import type { WorkerCounters } from '../shared/counters.js';
import type { PacketTap } from './packet-tap.js';

/** Decides and counts the packets of a batch: the hot path. No allocations, and no calls into C++. */
export class BatchDecider {
  readonly #counters: WorkerCounters;
  readonly #tap: PacketTap;

  constructor(counters: WorkerCounters, tap: PacketTap) {
    this.#counters = counters;
    this.#tap = tap;
  }

  /**
   * Decides the first `count` packets of a batch, all by the same state of the tables, and writes the decisions to `batch.mark`.
   *
   * @param isTraced whether somebody traces packets
   */
  decide(balancer: Balancer, { bytes, offset, length, etherType, mark }: PacketBatch, count: number, isTraced: boolean): void {
    balancer.refresh();
    const counters = this.#counters;
    for (let i = 0; i < count; i++) {
      const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
      mark[i] = fwmark;
      // The length in a malformed packet's header cannot be trusted.
      const octets = balancer.kind === Kind.Malformed ? length[i]! : packetLength(bytes, offset[i]!, etherType[i]!);
      counters.count(fwmark, balancer.reason, octets);
      if (isTraced) this.#tap.show(balancer, fwmark, bytes, offset[i]!, length[i]!, etherType[i]!);
    }
  }
}
