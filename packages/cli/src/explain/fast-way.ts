// Which way a packet takes: decided by the load balancer's program in the kernel, or by the queue. Nothing but speed depends on it.

import { Kind } from '@nfqlb/core';
import { type Cidr, cidrContains, parseCidr } from '@nfqlb/core/address';
import type { FlowSet } from '@nfqlb/core/flows';
import { compileFlows, type Decision, FastReason, REASON_TEXTS, walk } from '@nfqlb/fast-path';
import type { FastPathStatus } from '@nfqlb/protocol/status';
import type { Answer } from './decider.js';
import type { GivenPacket } from './given-packet.js';
import { outerHeader } from './known-packet.js';

/** The way of a packet, and why. */
export interface FastWay {
  readonly way: 'kernel' | 'queue';
  readonly words: string;
}

export interface FastWaysOptions {
  readonly promiscuousPing: boolean;
  /** Absent if one table is for all packets. */
  readonly flows: FlowSet | undefined;
}

/** Reasons of packets that are left to the queue whatever flows and tables say, by their kind. */
const QUEUED: Readonly<Partial<Record<Kind, FastReason>>> = {
  [Kind.Fragment]: FastReason.Fragment,
  [Kind.FirstFragment]: FastReason.Fragment,
  [Kind.IcmpInner]: FastReason.IcmpError,
  [Kind.UdpEncap]: FastReason.SctpInUdp,
  [Kind.Malformed]: FastReason.Malformed,
};

/** The ways of packets through a load balancer with a fast path. */
export class FastWays {
  readonly #fastPath: FastPathStatus;
  readonly #vips: readonly Cidr[];
  readonly #options: FastWaysOptions;
  /** What the kernel decides by; compiled when it is first asked for. */
  #inKernel: Decision | undefined;

  constructor(fastPath: FastPathStatus, options: FastWaysOptions) {
    this.#fastPath = fastPath;
    this.#vips = fastPath.vips.flatMap((vip) => parseCidr(vip) ?? []);
    this.#options = options;
  }

  /** @param device where the packet comes in, if that is known */
  of(packet: GivenPacket, answer: Answer, device: string | undefined): FastWay {
    const { interfaces, trouble } = this.#fastPath;
    const queue = (why: string): FastWay => ({ way: 'queue', words: `the queue: ${why}` });
    const attached = interfaces.filter(({ state }) => state === 'attached').map(({ name }) => name);
    if (attached.length === 0) return queue(`nothing is decided in the kernel (${trouble ?? 'no interface is attached'})`);
    if (device !== undefined && !attached.includes(device)) return queue(`packets that come in at ${device} are not decided in the kernel`);
    const { known } = outerHeader(packet);
    if (!this.#vips.some((vip) => cidrContains(vip, known.destination!.network))) return queue('it is not for a VIP of the fast path');
    const { kind } = answer.decision;
    const byContent = this.#unfit(packet) ?? QUEUED[kind] ?? reasonOf(answer, this.#options.promiscuousPing);
    const reason = known.isFragment ? FastReason.Fragment : byContent;
    if (reason !== undefined) return queue(REASON_TEXTS[reason]!);
    return { way: 'kernel', words: `decided in the kernel, if it comes in at ${device ?? attached.join(' or ')}` };
  }

  /** Why the packet is left to the queue, if that is because of flows which the kernel cannot decide: its own, or one that could come before. */
  #unfit({ bytes }: GivenPacket): FastReason | undefined {
    const { flows, promiscuousPing } = this.#options;
    if (flows === undefined || this.#fastPath.unfit.length === 0) return undefined;
    this.#inKernel ??= compileFlows(flows, { vips: this.#vips, promiscuousPing });
    const end = walk(this.#inKernel, bytes);
    return end !== undefined && 'reason' in end && OF_FLOWS.includes(end.reason) ? end.reason : undefined;
  }
}

/** Reasons of packets that are left to the queue because of flows. */
const OF_FLOWS: readonly FastReason[] = [FastReason.ByteMatch, FastReason.SctpInUdp, FastReason.Unfit];

function reasonOf({ decision: { kind, fwmark, choice }, table }: Answer, promiscuousPing: boolean): FastReason | undefined {
  if (kind === Kind.Icmp && promiscuousPing) return FastReason.Ping;
  if (table?.transition) return FastReason.Transition;
  if (fwmark < 0) return choice ? FastReason.NoTargetDrop : FastReason.NoFlowDrop;
  return fwmark === 0 ? FastReason.FwmarkZero : undefined;
}
