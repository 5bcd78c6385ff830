import type { PacketStream } from '@nfqlb/captures';
import { formatTime } from '@nfqlb/captures';
import { END, ETH_P_IP, ETH_P_IPV6, Reason } from '@nfqlb/core';
import type { Timeline } from '../report/timeline.js';
import type { BrokenConnections } from './broken-connections.js';
import { decisionRecord } from './decision-record.js';
import type { ReplayedBalancer } from './replayed-balancer.js';
import type { Schedule } from './schedule.js';
import type { Tally } from './tally.js';

/** Inputs of a replay. */
export interface Replay {
  readonly packets: PacketStream;
  readonly replayed: ReplayedBalancer;
  readonly schedule: Schedule;
  readonly tally: Tally;
  /** Counts broken connections; optional, because it keeps a table of all connections. */
  readonly broken?: BrokenConnections | undefined;
  /** What happened when, for a report. */
  readonly timeline?: Timeline | undefined;
  /** Receives each packet's record (decision-record.ts). If absent, no records are made. */
  readonly onRecord?: ((record: string) => void) | undefined;
  /** Receives each packet with its decision, those that come back from the fragment table, too; times count from the first packet. */
  readonly onDecision?: ((decided: DecidedPacket) => void) | undefined;
  /** Called after each batch. */
  readonly onProgress?: (() => void) | undefined;
}

/** A packet and the fwmark that `replayed.balancer` just returned for it. */
export interface DecidedPacket {
  readonly fwmark: number;
  /** What is there of it; valid until the next one. */
  readonly octets: Uint8Array;
  readonly wireLength: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Sends a capture's packets through a balancer, with the capture's timestamps as the clock.
 *
 * @throws errors of the capture, after all packets before the fault have been decided
 */
export async function replay(options: Replay): Promise<void> {
  const { packets, schedule, tally, replayed } = options;
  try {
    for (;;) {
      const received = packets.receive();
      // Most captures return synchronously; awaiting anyway would cost an event-loop turn per batch.
      const count = typeof received === 'number' ? received : await received;
      if (count === END) return;
      decide(options, count);
      const { seconds, nanoseconds } = packets.batch;
      if (count > 0) schedule.reach(seconds[count - 1]! + nanoseconds[count - 1]! / 1e9);
      packets.settle(count);
      options.onProgress?.();
    }
  } finally {
    tally.endStretch(replayed.tables.values());
    options.timeline?.end();
  }
}

function decide(options: Replay, count: number): void {
  const { packets, schedule, tally, onRecord, onDecision, broken, timeline } = options;
  const { replayed } = options;
  const { balancer, fragments } = replayed;
  const { bytes, offset, length, etherType, mark, wireLength, frame, seconds, nanoseconds } = packets.batch;
  for (let i = 0; i < count; i++) {
    const now = seconds[i]! + nanoseconds[i]! / 1e9;
    replayed.advance(seconds[i]!, nanoseconds[i]!);
    if (now >= schedule.due) {
      tally.endStretch(replayed.tables.values());
      timeline?.endStretch();
      schedule.applyUntil(now, replayed, ({ at, command }) => timeline?.change(at, command));
      replayed.refresh();
    }
    fragments.frame = frame[i]!;
    const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
    mark[i] = fwmark;
    tally.count(fwmark, balancer.reason, wireLength[i]!);
    if (timeline) countIn(timeline, now, fwmark, replayed);
    broken?.look(fwmark, replayed, bytes);
    if (onRecord) onRecord(decisionRecord(frame[i]!, formatTime(seconds[i]!, nanoseconds[i]!), fwmark, replayed, false));
    if (onDecision) {
      const octets = bytes.subarray(offset[i]!, offset[i]! + length[i]!);
      onDecision({ fwmark, octets, wireLength: wireLength[i]!, seconds: seconds[i]!, nanoseconds: nanoseconds[i]! });
    }
    if (fragments.returning.length > 0) decideReturning(options, seconds[i]!, nanoseconds[i]!);
  }
}

/** Decides the fragments released by the last packet: they come back through the tun device before any other packet. */
function decideReturning({ replayed, tally, timeline, onRecord, onDecision }: Replay, seconds: number, nanoseconds: number): void {
  const { balancer, fragments } = replayed;
  for (let fragment = fragments.returning.shift(); fragment; fragment = fragments.returning.shift()) {
    const { bytes, frame, wireLength } = fragment;
    fragments.frame = frame;
    const fwmark = balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
    tally.countReinjected(fwmark, balancer.reason, wireLength);
    if (timeline) countIn(timeline, seconds + nanoseconds / 1e9, fwmark, replayed);
    if (onRecord) onRecord(decisionRecord(frame, formatTime(seconds, nanoseconds), fwmark, replayed, true));
    onDecision?.({ fwmark, octets: bytes, wireLength, seconds, nanoseconds });
  }
}

function countIn(timeline: Timeline, time: number, fwmark: number, replayed: ReplayedBalancer): void {
  const { reason, bucket } = replayed.balancer;
  timeline.count(time, fwmark, reason, reason !== Reason.FragmentToTier, replayed.tableName, bucket);
}
