// Rates per second, from two statuses of a load balancer.

import { REASON_NAMES, Reason } from '@nfqlb/core';
import type { QueueStatus, Status } from '@nfqlb/protocol/status';

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

/** Numbers are per second unless noted otherwise. */
export interface Figures {
  readonly status: Status;
  readonly packets: number;
  readonly bits: number;
  readonly accepted: number;
  readonly dropped: number;
  readonly stored: number;
  /** Reasons for which packets have been dropped so far. */
  readonly drops: readonly { readonly reason: string; readonly packets: number; readonly all: number }[];
  readonly queues: readonly QueueFigures[];
  readonly targets: readonly TargetFigures[];
  readonly flows: readonly FlowFigures[];
  /** Named as in `nfqlb stats`. */
  readonly fragments: Readonly<Record<string, number>>;
}

/** Changes per second. `undefined` without an earlier status of the same process. */
export function figuresOf(before: Status | undefined, now: Status): Figures | undefined {
  if (before === undefined || before.pid !== now.pid || now.uptime <= before.uptime) return undefined;
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
    queues: now.queues.map((queue, i) => queueFigures(before.queues[i]!, queue, rate)),
    targets: now.targets.map((target) => {
      const figures = traffic(targetsBefore.get(target.fwmark), target);
      return { ...figures, fwmark: target.fwmark, active: target.active, share: accepted === 0 ? 0 : figures.packets / accepted };
    }),
    flows: (now.flows ?? []).map((flow) => ({ ...traffic(flowsBefore.get(flow.name), flow), name: flow.name, target: flow.target })),
    fragments: Object.fromEntries(Object.entries(now.fragments).map(([name, value]) => [name, rate(before.fragments[name], value)])),
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

function sumsOf({ queues }: Status): Sums {
  const sum = (of: (queue: QueueStatus) => number): number => queues.reduce((all, queue) => all + of(queue), 0);
  const octets = sum(({ counts }) => total(counts.acceptedOctets) + total(counts.droppedOctets));
  const drops = REASON_NAMES.map((_, reason) => (reason === Reason.FragmentStored ? 0 : sum(({ counts }) => counts.dropped[reason]!)));
  return {
    packets: sum(({ counts }) => total(counts.accepted) + total(counts.dropped)),
    octets,
    accepted: sum(({ counts }) => total(counts.accepted)),
    stored: sum(({ counts }) => counts.dropped[Reason.FragmentStored]!),
    drops,
  };
}

const total = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
