import { type FragmentTable, LOST, TOO_LONG } from './fragments/fragment-table.js';
import { extractKey } from './key/extract.js';
import { Kind } from './key/kind.js';
import { PacketKey } from './key/packet-key.js';
import type { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { type Transitions, WATCHED } from './maglev/transitions.js';
import { DROP, STORED } from './packet-batch.js';
import { Reason } from './reason.js';
import { type ConnectionSet, Mark, UNKNOWN } from './transition/connection-set.js';
import { Stage, stageOf } from './transition/stage.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';
import { packetLength } from './wire/packet-length.js';
import { IPPROTO_SCTP } from './wire/protocol.js';

export interface BalancerOptions {
  /**
   * 1: SCTP is hashed by its ports alone, so that all paths of a multihomed association reach one target.
   * 0: all packets are hashed by the whole key. Default 1.
   */
  readonly hashMode?: 0 | 1;
  /** UDP port that carries SCTP (RFC 6951); 0 for none. Default 0. */
  readonly udpEncapPort?: number;
  /** Fwmark for packets when no target is active; −1 to drop them. Default −1. */
  readonly noTargetsFwmark?: number;
  /** Fwmark for packets that match no flow; −1 to drop them. Default −1. For {@link FlowBalancer}. */
  readonly noFlowFwmark?: number;
  /** Fragment table; without it, fragments are dropped. Set its `now` before each batch. */
  readonly fragments?: FragmentTable;
  /** The table of the load balancers of this tier: the addresses of a fragment choose which of them handles it. */
  readonly tier?: FwmarkLookup;
  /** The remembered connections, the same as in the target tables' lookups; without it, no connection keeps its former target. Set its `now` before each batch. */
  readonly connections?: ConnectionSet;
  /** Whether connections of protocols that show no beginning, such as UDP, keep their former target, too. Default false. */
  readonly drainsOthers?: boolean;
}

/** The reason for a negative answer of the fragment table. */
function reasonOf(answer: number): Reason {
  if (answer === STORED) return Reason.FragmentStored;
  if (answer === TOO_LONG) return Reason.FragmentTooLong;
  return answer === LOST ? Reason.FragmentPoisoned : Reason.FragmentNoRoom;
}

/** By {@link Stage}: what a packet shows of its connection. */
const MARKS: readonly Mark[] = [Mark.Open, Mark.Begun, Mark.Open, Mark.Closing];

/**
 * Decides packets for one target table. Its properties describe the last decision. A decision allocates nothing and throws nothing.
 */
export class Balancer {
  /** The last packet's key. */
  readonly key: PacketKey = new PacketKey();
  /** Kind of the last packet. */
  kind: Kind = Kind.Malformed;
  /** Reason for the last decision. */
  reason: Reason = Reason.Malformed;
  /** Bucket of the target table that was used, or −1 if no table was used. */
  bucket = -1;
  /** Number of buckets of that table; valid if {@link bucket} is not −1. */
  buckets = 0;

  #hash = 0;
  readonly #targets: FwmarkLookup | undefined;
  readonly #hashMode: number;
  readonly #udpEncapPort: number;
  readonly #noTargetsFwmark: number;
  readonly #noFlowFwmark: number;
  readonly #fragments: FragmentTable | undefined;
  readonly #tier: FwmarkLookup | undefined;
  readonly #connections: ConnectionSet | undefined;
  readonly #drainsOthers: boolean;

  /** @param targets the table for all packets; `undefined` if {@link tableOf} is overridden */
  constructor(targets: FwmarkLookup | undefined, options: BalancerOptions = {}) {
    this.#targets = targets;
    this.#hashMode = options.hashMode ?? 1;
    this.#udpEncapPort = options.udpEncapPort ?? 0;
    this.#noTargetsFwmark = options.noTargetsFwmark ?? DROP;
    this.#noFlowFwmark = options.noFlowFwmark ?? DROP;
    this.#fragments = options.fragments;
    this.#tier = options.tier;
    this.#connections = options.connections;
    this.#drainsOthers = options.drainsOthers ?? false;
  }

  /** Hash that chose the last packet's target, 32 bits, unsigned; valid if {@link bucket} is not −1. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  /** Adopts changes of the target table and the tier's table. Call between two batches. */
  refresh(): void {
    this.#targets?.refresh();
    this.#tier?.refresh();
  }

  /**
   * Decides one packet.
   *
   * @param bytes region that contains it
   * @param at offset of its IP header
   * @param length octets of it that are available
   * @param etherType host byte order
   * @returns a fwmark, 0 or greater, {@link DROP} or {@link STORED}
   */
  decide(bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const kind = extractKey(this.key, bytes, at, length, etherType, this.#udpEncapPort);
    this.kind = kind;
    this.bucket = -1;
    if (kind === Kind.Malformed) {
      return this.#drop(etherType === ETH_P_IP || etherType === ETH_P_IPV6 ? Reason.Malformed : Reason.NotIp);
    }
    if (kind !== Kind.Fragment && kind !== Kind.FirstFragment) return this.#balance(bytes, at, length, etherType);

    // RFC 791 §3.2, RFC 8200 §4.5: all fragments but the last carry a multiple of 8 octets. Others cannot be reassembled, and would be a cheap way
    // to overload the fragment table.
    const carried = this.key.fragmentEnd - this.key.fragmentBegin;
    if (this.key.moreFragments && (carried === 0 || (carried & 7) !== 0)) return this.#drop(Reason.Malformed);

    if (this.#tier !== undefined) {
      const fwmark = this.#tier.choose(this.#tier.hashAddresses(this.key));
      if (fwmark >= 0 && fwmark !== this.#tier.ownFwmark) {
        this.reason = Reason.FragmentToTier;
        return fwmark;
      }
    }
    // Without a fragment table, the target of later fragments is unknown, and the first fragment alone is useless.
    if (this.#fragments === undefined) return this.#drop(Reason.FragmentNoRoom);
    if (kind === Kind.FirstFragment) return this.#decideFirst(this.#fragments, bytes, at, length, etherType);
    return this.#take(this.#fragments.later(this.key, bytes, at, length, packetLength(bytes, at, etherType)));
  }

  #decideFirst(fragments: FragmentTable, bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const fwmark = this.#balance(bytes, at, length, etherType);
    const answer = fragments.first(this.key, fwmark);
    return answer === fwmark ? fwmark : this.#take(answer);
  }

  /** Converts an answer of the fragment table to a decision. */
  #take(answer: number): number {
    if (answer >= 0) {
      this.reason = Reason.FragmentKnown;
      return answer;
    }
    this.reason = reasonOf(answer);
    return answer === STORED ? STORED : DROP;
  }

  /**
   * Returns the target table for the packet whose key and kind were just extracted; `undefined` if there is none: then {@link reason} is no flow,
   * no target, or malformed.
   */
  protected tableOf(_bytes: Uint8Array, _at: number, _length: number, _etherType: number): FwmarkLookup | undefined {
    return this.#targets;
  }

  #balance(bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const targets = this.tableOf(bytes, at, length, etherType);
    if (targets === undefined) return this.#answerWithoutTable();
    this.#hash = targets.hash(this.key, this.#hashMode === 1 && this.key.protocol === IPPROTO_SCTP);
    this.buckets = targets.M;
    this.bucket = (this.#hash >>> 0) % targets.M;
    const fwmark = targets.steady[this.bucket]!;
    if (fwmark >= 0) {
      this.reason = Reason.Balanced;
      return fwmark;
    }
    if (fwmark === WATCHED) return this.#follow(targets, targets.transitions!, bytes);
    this.reason = Reason.NoTarget;
    return this.#noTargetsFwmark;
  }

  /**
   * Decides a packet of a bucket in transition, or of one in which remembered connections still have another target
   * (docs/decisions/0009-transitions.md).
   */
  #follow({ fwmarks }: FwmarkLookup, transitions: Transitions, bytes: Uint8Array): number {
    const connections = this.#connections!;
    const stage = stageOf(this.key, this.kind, bytes, this.#drainsOthers);
    if (stage === Stage.Untold) return this.#goTo(fwmarks[this.bucket]!, Reason.Balanced);
    const known = connections.find(this.key, this.#hash, this.#hashMode === 1 && this.key.protocol === IPPROTO_SCTP, transitions.id);
    if (known !== UNKNOWN) {
      const begins = stage === Stage.Begins && connections.isOver;
      if (!begins && transitions.isAlive(known)) {
        if (stage !== Stage.Refers) connections.use(MARKS[stage]!);
        this.reason = Reason.ConnectionKnown;
        return known;
      }
      connections.forget();
    }
    const target = fwmarks[this.bucket]!;
    const former = transitions.former[this.bucket]!;
    if (former < 0 || former === target || (stage === Stage.Begins && target < 0)) return this.#goTo(target, Reason.Balanced);
    if (stage === Stage.Refers) return this.#goTo(former, Reason.FormerTarget);
    if (stage !== Stage.Begins) {
      connections.remember(former, MARKS[stage]!);
      return this.#goTo(former, Reason.FormerTarget);
    }
    // Without room, its next packets will not be known either, and go to the former target. So let it begin there.
    return connections.remember(target, Mark.Begun) ? this.#goTo(target, Reason.Balanced) : this.#goTo(former, Reason.FormerTarget);
  }

  #goTo(fwmark: number, reason: Reason): number {
    if (fwmark >= 0) {
      this.reason = reason;
      return fwmark;
    }
    this.reason = Reason.NoTarget;
    return this.#noTargetsFwmark;
  }

  #answerWithoutTable(): number {
    if (this.reason === Reason.NoFlow) return this.#noFlowFwmark;
    return this.reason === Reason.NoTarget ? this.#noTargetsFwmark : DROP;
  }

  #drop(reason: Reason): number {
    this.reason = reason;
    return DROP;
  }
}
