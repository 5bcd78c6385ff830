// Rates per second, from two statuses of a load balancer.

import { REASON_NAMES, Reason } from '@nfqlb/core';
import { DECIDED, FAST_REASON_NAMES, FastReason } from '@nfqlb/fast-path';
import type { Count, QueueStatus, Status } from '@nfqlb/protocol/status';

/** Packets and bits per second, and packets in total. */
export interface Traffic {
  readonly packets: number;
  readonly bits: number;
  readonly all: number;
}

export interface QueueFigures {
  readonly queue: number;
  readonly waiting: number;
  readonly length: number;
  readonly packets: number;
  /** Mean number of packets in a batch. */
  readonly batch: number;
  /** Share of the time that the worker was not waiting. */
  readonly busy: number;
  /** Dropped by the kernel, per second and in total. */
  readonly queueDropped: number;
  readonly socketDropped: number;
  readonly allDropped: number;
}

export interface TargetFigures extends Traffic {
  readonly fwmark: number;
  readonly active: boolean;
  /** Share of all packets that went to targets. */
  readonly share: number;
}

export interface FlowFigures extends Traffic {
  readonly name: string;
  readonly target: string;
}

/** Packets at the interfaces of the fast path. */
export interface FastFigures {
  /** Decided in the kernel. */
  readonly kernel: Traffic;
  /** Left to the queue. */
  readonly queue: Traffic;
  /** Share of them that was decided in the kernel. */
  readonly share: number;
  /** Why packets have been left to the queue so far. */
  readonly reasons: readonly { readonly reason: string; readonly packets: number; readonly all: number }[];
}

/** Numbers are per second unless noted otherwise. */
export interface Figures {
  readonly status: Status;
  readonly packets: number;
  readonly bits: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly stored: number;
  /** Absent without a fast path. */
  readonly fastPath?: FastFigures;
  /** Reasons for which packets have been dropped so far. */
  readonly drops: readonly { readonly reason: string; readonly packets: number; readonly all: number }[];
  readonly queues: readonly QueueFigures[];
  readonly targets: readonly TargetFigures[];
  readonly flows: readonly FlowFigures[];
  /** Named as in `nfqlb stats`. */
  readonly fragments: Readonly<Record<string, number>>;
}

/** Changes per second. `undefined` without an earlier status of the same process, which has as many queues. */
export function figuresOf(before: Status | undefined, now: Status): Figures | undefined {
  if (before === undefined || before.pid !== now.pid || now.uptime <= before.uptime) return undefined;
  if (before.queues.length !== now.queues.length) return undefined;
  const seconds = now.uptime - before.uptime;
  // Counters start again at 0 when a flow is deleted and redefined.
  const rate = (then: number | undefined, current: number): number => Math.max(0, current - (then ?? 0)) / seconds;
  const sums = sumsOf(now);
  const then = sumsOf(before);
  const accepted = rate(then.accepted, sums.accepted);
  const targetsBefore = new Map(before.targets.map((target) => [target.fwmark, target]));
  const flowsBefore = new Map((before.flows ?? []).map((flow) => [flow.name, flow]));
  const traffic = (
    old: { packets: number; octets: number } | undefined,
    { packets, octets }: { packets: number; octets: number },
  ): Traffic => ({
    packets: rate(old?.packets, packets),
    bits: 8 * rate(old?.octets, octets),
    all: packets,
  });
  return {
    status: now,
    packets: rate(then.packets, sums.packets),
    bits: 8 * rate(then.octets, sums.octets),
    accepted,
    dropped: rate(total(then.drops), total(sums.drops)),
    stored: rate(then.stored, sums.stored),
    drops: sums.drops.flatMap((all, reason) =>
      all > 0 ? [{ reason: REASON_NAMES[reason]!, packets: rate(then.drops[reason], all), all }] : [],
    ),
    ...(now.fastPath && { fastPath: fastFigures(before.fastPath?.reasons ?? [], now.fastPath.reasons, rate) }),
    queues: now.queues.map((queue, i) => queueFigures(before.queues[i]!, queue, rate)),
    targets: now.targets.map((target) => {
      const figures = traffic(targetsBefore.get(target.fwmark), target);
      return { ...figures, fwmark: target.fwmark, active: target.active, share: accepted === 0 ? 0 : figures.packets / accepted };
    }),
    flows: (now.flows ?? []).map((flow) => ({ ...traffic(flowsBefore.get(flow.name), flow), name: flow.name, target: flow.target })),
    fragments: Object.fromEntries(Object.entries(now.fragments).map(([name, value]) => [name, rate(before.fragments[name], value)])),
  };
}

type Rate = (then: number | undefined, now: number) => number;

function fastFigures(before: readonly Count[], now: readonly Count[], rate: Rate): FastFigures {
  const traffic = (isOfThese: (reason: number) => boolean): Traffic => {
    const sum = (counts: readonly Count[], of: 'packets' | 'octets'): number =>
      total(counts.map((count, reason) => (isOfThese(reason) ? count[of] : 0)));
    return {
      packets: rate(sum(before, 'packets'), sum(now, 'packets')),
      bits: 8 * rate(sum(before, 'octets'), sum(now, 'octets')),
      all: sum(now, 'packets'),
    };
  };
  const kernel = traffic((reason) => reason < DECIDED);
  const queue = traffic((reason) => reason > FastReason.Other);
  const both = kernel.packets + queue.packets;
  return {
    ...{ kernel, queue, share: both === 0 ? 0 : kernel.packets / both },
    reasons: now.flatMap(({ packets: all }, reason) =>
      reason > FastReason.Other && all > 0
        ? [{ reason: FAST_REASON_NAMES[reason] ?? String(reason), packets: rate(before[reason]?.packets, all), all }]
        : [],
    ),
  };
}

function queueFigures(before: QueueStatus, now: QueueStatus, rate: (then: number, now: number) => number): QueueFigures {
  const batches = rate(before.counts.batches, now.counts.batches);
  const packets = rate(before.counts.packets, now.counts.packets);
  return {
    queue: now.queue,
    waiting: now.waiting,
    length: now.length,
    packets,
    batch: batches === 0 ? 0 : packets / batches,
    // Microseconds per second.
    busy: rate(before.counts.turnTimes.sum, now.counts.turnTimes.sum) / 1e6,
    queueDropped: rate(before.queueDropped, now.queueDropped),
    socketDropped: rate(before.socketDropped, now.socketDropped),
    allDropped: now.queueDropped + now.socketDropped,
  };
}

interface Sums {
  readonly packets: number;
  readonly octets: number;
  readonly accepted: number;
  readonly stored: number;
  /** By reason, without stored fragments. */
  readonly drops: readonly number[];
}

function sumsOf({ queues, fastPath }: Status): Sums {
  const sum = (of: (queue: QueueStatus) => number): number => queues.reduce((all, queue) => all + of(queue), 0);
  const octets = sum(({ counts }) => total(counts.acceptedOctets) + total(counts.droppedOctets));
  const drops = REASON_NAMES.map((_, reason) => (reason === Reason.FragmentStored ? 0 : sum(({ counts }) => counts.dropped[reason]!)));
  // The kernel marks packets, or leaves them to the queue: it drops none.
  const inKernel = (fastPath?.reasons ?? []).slice(0, DECIDED);
  const marked = total(inKernel.map(({ packets }) => packets));
  return {
    packets: marked + sum(({ counts }) => total(counts.accepted) + total(counts.dropped)),
    octets: octets + total(inKernel.map((count) => count.octets)),
    accepted: marked + sum(({ counts }) => total(counts.accepted)),
    stored: sum(({ counts }) => counts.dropped[Reason.FragmentStored]!),
    drops,
  };
}

const total = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
