import type { Balancer } from '../balancer.js';
import { Kind } from '../key/kind.js';
import type { PacketKey } from '../key/packet-key.js';
import { DROP } from '../packet-batch.js';
import { Reason } from '../reason.js';
import { IPPROTO_SCTP } from '../wire/protocol.js';
import { printable } from './printable.js';

/** The decision about a packet, and its basis. */
export interface Decision {
  /** A fwmark, `DROP` or `STORED`. */
  readonly fwmark: number;
  readonly reason: Reason;
  readonly kind: Kind;
  /** Name of the packet's flow; absent if none matched or there are no flows. */
  readonly flow?: string | undefined;
  /** Shared-memory name of the target table that was used, or that is gone; absent if none was used. */
  readonly table?: string | undefined;
  /** How the target was chosen; absent if no table was used. */
  readonly choice?: Choice | undefined;
}

/** `hash mod buckets = bucket` */
export interface Choice {
  /** 32 bits unsigned. */
  readonly hash: number;
  /** What is hashed: the whole key, or the two ports (SCTP). */
  readonly over: 'key' | 'ports';
  /** Buckets of the table: M. */
  readonly buckets: number;
  readonly bucket: number;
}

/** Names of the flow and the table, which a balancer does not know. */
export interface DecisionNames {
  readonly flow?: string | undefined;
  readonly table?: string | undefined;
}

/**
 * The last decision of `balancer`.
 *
 * @param fwmark its return value
 * @param hashMode from its options
 * @param names of the packet's flow (see {@link hasFlow}) and of that flow's table
 */
export function decisionOf(balancer: Balancer, fwmark: number, hashMode: 0 | 1 = 1, names: DecisionNames = {}): Decision {
  const { reason, kind, bucket, buckets, hash, key } = balancer;
  const choice = bucket < 0 ? undefined : { hash, over: overOf(key, hashMode), buckets, bucket };
  return { fwmark, reason, kind, choice, ...(hasFlow(reason, bucket) ? names : {}) };
}

/** What is hashed for this packet. */
export function overOf(key: PacketKey, hashMode: 0 | 1): Choice['over'] {
  return hashMode === 1 && key.protocol === IPPROTO_SCTP ? 'ports' : 'key';
}

/** Whether a packet with this decision has a flow, if there are flows. If not, the flow in a `FlowBalancer` is that of an earlier packet. */
export function hasFlow(reason: Reason, bucket: number): boolean {
  return bucket >= 0 || reason === Reason.NoTarget;
}

/**
 * Describes the reason in one line:
 *
 *     balanced: flow web, table web, hash 0x3f00a1b2 mod 997 = bucket 12 -> fwmark 101
 *     dropped: no flow matches
 */
export function describeDecision(decision: Decision): string {
  const { fwmark, reason } = decision;
  switch (reason) {
    case Reason.Balanced:
      return `balanced: ${describeChoice(decision)} -> fwmark ${fwmark}`;
    case Reason.ConnectionKnown:
      return `balanced: ${describeChoice(decision)}, where targets change: a remembered connection -> fwmark ${fwmark}`;
    case Reason.FormerTarget:
      return `balanced: ${describeChoice(decision)}, where targets change: not a new connection -> former fwmark ${fwmark}`;
    case Reason.FragmentKnown:
      return `balanced: a later fragment, goes where its first went -> fwmark ${fwmark}`;
    case Reason.FragmentToTier:
      return `to the tier: a fragment, which the hash of its addresses gives to another load balancer -> fwmark ${fwmark}`;
    case Reason.FragmentStored:
      return 'stored: a fragment that came before its first';
    case Reason.NoTarget:
      return answered(decision, `no target: ${describeChoice(decision)}`, 'notargets_fwmark');
    case Reason.NoFlow:
      return answered(decision, 'no flow matches', 'nolb_fwmark');
    case Reason.FragmentNoRoom:
    case Reason.FragmentPoisoned:
    case Reason.FragmentTooLong:
    case Reason.Malformed:
    case Reason.NotIp:
      return `dropped: ${whyDropped(reason, decision.kind)}`;
  }
}

/** A packet without a target may get the fwmark of an option. */
function answered({ fwmark }: Decision, why: string, option: string): string {
  return fwmark === DROP ? `dropped: ${why}` : `${why} -> fwmark ${fwmark}, that of ${option}`;
}

function describeChoice({ flow, table, choice, reason }: Decision): string {
  const parts: string[] = [];
  if (flow !== undefined) parts.push(`flow ${printable(flow)}`);
  const gone = choice === undefined && reason === Reason.NoTarget;
  if (table !== undefined) parts.push(`table ${printable(table)}${gone ? ' is gone' : ''}`);
  if (choice) {
    const { hash, over, buckets, bucket } = choice;
    const none = reason === Reason.NoTarget ? ', which has none' : '';
    parts.push(`hash ${over === 'ports' ? 'of the ports ' : ''}${hexadecimal(hash)} mod ${buckets} = bucket ${bucket}${none}`);
  }
  return parts.join(', ');
}

function whyDropped(reason: Reason, kind: Kind): string {
  const first = kind === Kind.FirstFragment;
  switch (reason) {
    case Reason.FragmentNoRoom:
      return first
        ? 'a first fragment, and no room to keep in mind where it goes'
        : 'a fragment that came before its first, and no room to store it';
    case Reason.FragmentPoisoned:
      return first ? 'a first fragment that came twice, or whose datagram has lost another' : 'a fragment whose datagram has lost another';
    case Reason.FragmentTooLong:
      return 'a fragment that came before its first, and is too long to be stored (mtu)';
    case Reason.NotIp:
      return 'neither IPv4 nor IPv6';
    case Reason.Malformed:
      return kind === Kind.Malformed
        ? 'malformed: its headers end early or contradict each other'
        : 'malformed: a fragment that is not the last and carries nothing, or not a multiple of 8 octets';
    default:
      return 'malformed: its headers end early or contradict each other';
  }
}

function hexadecimal(hash: number): string {
  return `0x${hash.toString(16).padStart(8, '0')}`;
}
