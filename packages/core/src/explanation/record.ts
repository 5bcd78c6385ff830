import { formatIpAddress } from '../address/index.js';
import { KIND_NAMES, Kind } from '../key/kind.js';
import type { PacketKey } from '../key/packet-key.js';
import { DROP } from '../packet-batch.js';
import { REASON_NAMES, Reason } from '../reason.js';
import type { Decision } from './decision.js';
import { hasPortFields } from './packet.js';

/** A decision for programs. Fields that do not apply are absent. */
export interface DecisionRecord {
  readonly verdict: 'accept' | 'drop' | 'store';
  /** `null` if the packet is not accepted. */
  readonly fwmark: number | null;
  /** From `REASON_NAMES`. */
  readonly reason: string;
  /** From `KIND_NAMES`. */
  readonly kind: string;
  /** Addresses and ports of the key; swapped for a quoted packet. */
  readonly src?: string;
  readonly dst?: string;
  readonly proto?: number;
  readonly sport?: number;
  readonly dport?: number;
  /** 32 bits unsigned. */
  readonly hash?: number;
  readonly bucket?: number;
  readonly flow?: string;
}

/** Whether a decision with this reason asked a target table. */
export function asksTable(reason: Reason): boolean {
  return reason === Reason.Balanced || reason === Reason.NoTarget || reason === Reason.ConnectionKnown || reason === Reason.FormerTarget;
}

/** Converts a decision about a packet with this key; the fields are in the order of `sim replay --json`. */
export function decisionRecord({ fwmark, reason, kind, flow, choice }: Decision, key: PacketKey): DecisionRecord {
  const verdict = fwmark >= 0 ? 'accept' : fwmark === DROP ? 'drop' : 'store';
  const known = kind !== Kind.Malformed;
  const asked = known && asksTable(reason);
  return {
    verdict,
    fwmark: fwmark >= 0 ? fwmark : null,
    reason: REASON_NAMES[reason]!,
    kind: KIND_NAMES[kind]!,
    ...(known && { src: formatIpAddress(key.source), dst: formatIpAddress(key.destination) }),
    ...(known && kind !== Kind.Fragment && { proto: key.protocol }),
    ...(known && hasPortFields(kind, key) && { sport: key.sourcePort, dport: key.destinationPort }),
    ...(asked && choice && { hash: choice.hash, bucket: choice.bucket }),
    ...(asked && flow !== undefined && { flow }),
  };
}
