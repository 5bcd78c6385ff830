// A packet's path through this machine: the packet rules up to a queue, and from the verdict to a target.

import {
  type KnownPacket,
  type ReadChains,
  readChains,
  type WayToQueue,
  type WayToTarget,
  wayToQueue,
  wayToTarget,
} from '@nfqlb/setup/path';
import { isOwnAddress } from '../own-address.js';
import type { GivenPacket } from './given-packet.js';
import { type OuterHeader, outerHeader } from './known-packet.js';
import { hasListener, type RunningLoadBalancer } from './running-load-balancers.js';

/** How far a packet gets before a load balancer decides about it. */
export interface Arrival {
  readonly way: WayToQueue;
  /** Follows it further, with the fwmark it gets. */
  readonly follow: (fwmark: number, device: string | undefined) => WayToTarget;
}

/** Follows packets to their queues. A string says why that is impossible. The packet rules are read once. */
export function arrivalsOf(packets: readonly GivenPacket[]): (Arrival | string)[] {
  const rules = new Map<4 | 6, ReadChains>();
  return packets.map((packet) => {
    const header = outerHeader(packet);
    const family = header.source.includes(':') ? 6 : 4;
    const read = rules.get(family) ?? readChains(family);
    rules.set(family, read);
    return 'unreadable' in read ? read.unreadable : arrivalOf(header, read);
  });
}

function arrivalOf({ source, destination, known }: OuterHeader, rules: Extract<ReadChains, { tables: unknown }>): Arrival {
  // Packets from addresses of this machine are sent by it, not received.
  const arriving: KnownPacket = { ...known, isForwarded: !isOwnAddress(source) };
  return {
    way: wayToQueue(rules.tables, arriving),
    follow: (fwmark, device) => wayToTarget(rules.tables, arriving, { source, destination }, fwmark, device),
  };
}

/** Why no load balancer decides about a packet. */
export interface End {
  readonly verdict: 'drop' | 'pass';
  readonly reason: 'no-queue-rule' | 'dropped-before' | 'no-listener';
  readonly words: string;
}

/** @param running load balancers of this network namespace, for a hint */
export function endBeforeBalancing({ way }: Arrival, running: readonly RunningLoadBalancer[]): End | undefined {
  if (way.end === 'drop') return { verdict: 'drop', reason: 'dropped-before', words: `dropped before any queue, by ${way.rule}` };
  if (way.end === 'pass') {
    const elsewhere = running.length === 0 ? '; no load balancer runs in this network namespace' : '';
    const why =
      way.rule === undefined ? 'no rule of this network namespace leads it to a queue' : `${way.rule} comes before any queue rule`;
    return { verdict: 'pass', reason: 'no-queue-rule', words: `not load-balanced: ${why}${elsewhere}` };
  }
  if (hasListener(way.first) !== false) return undefined;
  const words = `nobody listens to queue ${way.first}`;
  if (way.isBypassed)
    return { verdict: 'pass', reason: 'no-listener', words: `not load-balanced: ${words}, and the rule has --queue-bypass` };
  return { verdict: 'drop', reason: 'no-listener', words: `dropped: ${words}` };
}
