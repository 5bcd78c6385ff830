// Which way a packet takes: decided by the load balancer's program in the kernel, or by the queue. Nothing but speed depends on it.

import { Kind } from '@nfqlb/core';
import { cidrContains, parseCidr } from '@nfqlb/core/address';
import { FastReason, REASON_TEXTS } from '@nfqlb/fast-path';
import type { FastPathStatus } from '@nfqlb/protocol/status';
import type { Answer } from './decider.js';
import type { GivenPacket } from './given-packet.js';
import { outerHeader } from './known-packet.js';

/** The way of a packet, and why. */
export interface FastWay {
  readonly way: 'kernel' | 'queue';
  readonly words: string;
}

export interface FastWayOptions {
  readonly promiscuousPing: boolean;
  /** Where the packet comes in, if that is known. */
  readonly device: string | undefined;
}

/** Reasons of packets that are left to the queue whatever flows and tables say, by their kind. */
const QUEUED: Readonly<Partial<Record<Kind, FastReason>>> = {
  [Kind.Fragment]: FastReason.Fragment,
  [Kind.FirstFragment]: FastReason.Fragment,
  [Kind.IcmpInner]: FastReason.IcmpError,
  [Kind.UdpEncap]: FastReason.SctpInUdp,
  [Kind.Malformed]: FastReason.Malformed,
};

export function fastWay(
  packet: GivenPacket,
  answer: Answer,
  fastPath: FastPathStatus,
  { promiscuousPing, device }: FastWayOptions,
): FastWay {
  const { decision, flow } = answer;
  const queue = (why: string): FastWay => ({ way: 'queue', words: `the queue: ${why}` });
  const attached = fastPath.interfaces.filter(({ state }) => state === 'attached').map(({ name }) => name);
  if (attached.length === 0) return queue(`nothing is decided in the kernel (${fastPath.trouble ?? 'no interface is attached'})`);
  if (device !== undefined && !attached.includes(device)) return queue(`packets that come in at ${device} are not decided in the kernel`);
  const { known } = outerHeader(packet);
  const vips = fastPath.vips.map(parseCidr);
  if (!vips.some((vip) => vip && cidrContains(vip, known.destination!.network))) return queue('it is not for a VIP of the fast path');
  const reason = known.isFragment ? FastReason.Fragment : (QUEUED[decision.kind] ?? reasonOf(answer, promiscuousPing));
  if (reason !== undefined) return queue(REASON_TEXTS[reason]!);
  const own = fastPath.unfit.find(({ name }) => name === flow?.name);
  if (own) return queue(`its flow is left to the queue, or some of its packets (${own.why})`);
  const where = device ?? attached.join(' or ');
  const unless =
    fastPath.unfit.length > 0 ? `; unless one of ${fastPath.unfit.length} flows that are left to the queue could come first` : '';
  return { way: 'kernel', words: `decided in the kernel, if it comes in at ${where}${unless}` };
}

function reasonOf({ decision: { kind, fwmark, choice }, table }: Answer, promiscuousPing: boolean): FastReason | undefined {
  if (kind === Kind.Icmp && promiscuousPing) return FastReason.Ping;
  if (table?.transition) return FastReason.Transition;
  if (fwmark < 0) return choice ? FastReason.NoTargetDrop : FastReason.NoFlowDrop;
  return fwmark === 0 ? FastReason.FwmarkZero : undefined;
}
