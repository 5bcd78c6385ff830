import type { CaptureBatch, PacketStream } from '@nfqlb/captures';
import { formatTime } from '@nfqlb/captures';
import { END, ETH_P_IP, ETH_P_IPV6, Reason } from '@nfqlb/core';
import type { Jobs } from '../jobs/jobs.js';
import { MAIN, type SharedBatch } from '../jobs/shared-batch.js';
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
  /** Receives the records that other threads have made, as lines in UTF-8; valid until the next one. */
  readonly onEncodedRecord?: ((line: Uint8Array) => void) | undefined;
  /** Receives each packet with its decision, those that come back from the fragment table, too; times count from the first packet. */
  readonly onDecision?: ((decided: DecidedPacket) => void) | undefined;
  /** Threads that decide packets; if absent, this one decides all. */
  readonly jobs?: Jobs | undefined;
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
  /** Its block of an annotated capture, if another thread has made it. */
  readonly block?: Uint8Array;
}

/**
 * Sends a capture's packets through a balancer, with the capture's timestamps as the clock.
 *
 * @throws errors of the capture, after all packets before the fault have been decided
 */
export async function replay(options: Replay): Promise<void> {
  const { tally, replayed, jobs } = options;
  try {
    await (jobs ? decideWith(jobs, options) : decideAll(options));
  } finally {
    tally.endStretch(replayed.tables.values());
    options.timeline?.end();
  }
}

async function decideAll(options: Replay): Promise<void> {
  const { packets } = options;
  for (;;) {
    const received = packets.receive();
    // Most captures return synchronously; awaiting anyway would cost an event-loop turn per batch.
    const count = typeof received === 'number' ? received : await received;
    if (count === END) return;
    decide(options, packets.batch, count);
    packets.settle(count);
    options.onProgress?.();
  }
}

/** Lets other threads decide, and does here what needs the order of the packets, as they return. */
async function decideWith(jobs: Jobs, options: Replay): Promise<void> {
  const { packets, replayed } = options;
  const takeBack = async (): Promise<void> => {
    const batch = await jobs.take();
    decide(options, batch, batch.count, batch);
    options.onProgress?.();
  };
  const end = async (): Promise<void> => {
    while (jobs.pending > 0) await takeBack();
    replayed.flows?.add(await jobs.end());
  };
  for (;;) {
    if (jobs.isFull) await takeBack();
    const count = await receiveOr(packets, end);
    if (count === END) return await end();
    if (!jobs.give(packets.batch, count)) {
      while (jobs.pending > 0) await takeBack();
      decide(options, packets.batch, count);
    }
    packets.settle(count);
  }
}

/** Receives a batch. If the capture is faulty, does what is left to do, and throws its error. */
async function receiveOr(packets: PacketStream, end: () => Promise<void>): Promise<number> {
  try {
    return await packets.receive();
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * Decides a batch of packets.
 *
 * @param answers what other threads have decided of the batch, if any have
 */
export function decide(options: Replay, batch: CaptureBatch, count: number, answers?: SharedBatch): void {
  const { schedule, tally, onRecord, onDecision, broken, timeline } = options;
  const { replayed } = options;
  const { balancer, fragments } = replayed;
  const { bytes, offset, length, etherType, mark, wireLength, frame, seconds, nanoseconds } = batch;
  for (let i = 0; i < count; i++) {
    const now = seconds[i]! + nanoseconds[i]! / 1e9;
    replayed.advance(seconds[i]!, nanoseconds[i]!);
    if (now >= schedule.due) {
      tally.endStretch(replayed.tables.values());
      timeline?.endStretch();
      schedule.applyUntil(now, replayed, ({ at, command }) => timeline?.change(at, command));
      replayed.refresh();
    }
    if (answers && answers.job[i] !== MAIN) {
      take(options, answers, i, now);
      continue;
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
  if (count > 0) schedule.reach(seconds[count - 1]! + nanoseconds[count - 1]! / 1e9);
}

/** Counts a packet that another thread has decided, and hands on what it says of it. */
function take(
  { replayed, tally, timeline, onRecord, onEncodedRecord, onDecision }: Replay,
  answers: SharedBatch,
  i: number,
  now: number,
): void {
  const [fwmark, reason, wireLength] = [answers.mark[i]!, answers.reason[i]! as Reason, answers.wireLength[i]!];
  tally.count(fwmark, reason, wireLength);
  timeline?.count(now, fwmark, reason, true, replayed.tableNames[answers.table[i]!], answers.bucket[i]!);
  if (onRecord) onEncodedRecord?.(answers.recordOf(i));
  if (!onDecision) return;
  const octets = answers.bytes.subarray(answers.offset[i]!, answers.offset[i]! + answers.length[i]!);
  const [seconds, nanoseconds] = [answers.seconds[i]!, answers.nanoseconds[i]!];
  onDecision({ fwmark, octets, wireLength, seconds, nanoseconds, block: answers.blockOf(i) });
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
