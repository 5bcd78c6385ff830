import { type FragmentTable, LOST, TOO_LONG } from './fragments/fragment-table.js';
import { extractKey } from './key/extract.js';
import { Kind } from './key/kind.js';
import { PacketKey } from './key/packet-key.js';
import type { FwmarkLookup } from './maglev/fwmark-lookup.js';
import { DROP, STORED } from './packet-batch.js';
import { Reason } from './reason.js';
import { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';
import { packetLength } from './wire/packet-length.js';
import { IPPROTO_SCTP } from './wire/protocol.js';

export interface BalancerOptions {
  /**
   * 1: SCTP is hashed over its ports alone, so that all paths of a multihomed association reach one target.
   * 0: everything is hashed over the whole key. Default 1.
   */
  readonly hashMode?: 0 | 1;
  /** UDP port that carries SCTP (RFC 6951); 0 for none. Default 0. */
  readonly udpEncapPort?: number;
  /** What a packet gets when no target is active: a fwmark, or −1 to drop it. Default −1. */
  readonly noTargetsFwmark?: number;
  /** What a packet gets that no flow matches: a fwmark, or −1 to drop it. Default −1. For {@link FlowBalancer} */
  readonly noFlowFwmark?: number;
  /** Where fragments are kept in mind; without it they are dropped. Its `now` is to be set before each batch. */
  readonly fragments?: FragmentTable;
  /** The table of the tier that this load balancer belongs to: fragments go to the one of it that their addresses choose. */
  readonly tier?: FwmarkLookup;
}

/** What the fragment table answers, as a reason; by the number, which is negative. */
function reasonOf(answer: number): Reason {
  if (answer === STORED) return Reason.FragmentStored;
  if (answer === TOO_LONG) return Reason.FragmentTooLong;
  return answer === LOST ? Reason.FragmentPoisoned : Reason.FragmentNoRoom;
}

/**
 * Decides packets for one target table. Everything about the last decision can be read from it afterwards; a decision
 * allocates nothing and throws nothing.
 */
export class Balancer {
  /** The last packet's key. */
  readonly key: PacketKey = new PacketKey();
  /** What the last packet was. */
  kind: Kind = Kind.Malformed;
  /** Why it was decided as it was. */
  reason: Reason = Reason.Malformed;
  /** Bucket of the target table that chose, or −1 when none was asked. */
  bucket = -1;
  /** Buckets of that table; means something when {@link bucket} does. */
  buckets = 0;

  #hash = 0;
  readonly #targets: FwmarkLookup | undefined;
  readonly #hashMode: number;
  readonly #udpEncapPort: number;
  readonly #noTargetsFwmark: number;
  readonly #noFlowFwmark: number;
  readonly #fragments: FragmentTable | undefined;
  readonly #tier: FwmarkLookup | undefined;

  /** @param targets the table of all packets; `undefined` where {@link tableOf} finds one */
  constructor(targets: FwmarkLookup | undefined, options: BalancerOptions = {}) {
    this.#targets = targets;
    this.#hashMode = options.hashMode ?? 1;
    this.#udpEncapPort = options.udpEncapPort ?? 0;
    this.#noTargetsFwmark = options.noTargetsFwmark ?? DROP;
    this.#noFlowFwmark = options.noFlowFwmark ?? DROP;
    this.#fragments = options.fragments;
    this.#tier = options.tier;
  }

  /** Hash that chose the last packet's target, 32 bits unsigned; means something when {@link bucket} does. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  /** Takes up what has changed in the target table, and in the tier's. For between two batches. */
  refresh(): void {
    this.#targets?.refresh();
    this.#tier?.refresh();
  }

  /**
   * Decides one packet.
   *
   * @param bytes region that holds it
   * @param at where its IP header begins
   * @param length octets of it that are there
   * @param etherType host byte order
   * @returns a fwmark, from 0 up; or {@link DROP}
   */
  decide(bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const kind = extractKey(this.key, bytes, at, length, etherType, this.#udpEncapPort);
    this.kind = kind;
    this.bucket = -1;
    if (kind === Kind.Malformed) {
      return this.#drop(etherType === ETH_P_IP || etherType === ETH_P_IPV6 ? Reason.Malformed : Reason.NotIp);
    }
    if (kind !== Kind.Fragment && kind !== Kind.FirstFragment) return this.#balance(bytes, at, length, etherType);

    // RFC 791 §3.2, RFC 8200 §4.5: all fragments but the last carry a multiple of 8 octets. Others could not be put together, and would be
    // a cheap way to make the fragment table work hard.
    const carried = this.key.fragmentEnd - this.key.fragmentBegin;
    if (this.key.moreFragments && (carried === 0 || (carried & 7) !== 0)) return this.#drop(Reason.Malformed);

    if (this.#tier !== undefined) {
      const fwmark = this.#tier.choose(this.key.hashAddresses());
      if (fwmark >= 0 && fwmark !== this.#tier.ownFwmark) {
        this.reason = Reason.FragmentToTier;
        return fwmark;
      }
    }
    // Without a fragment table a later fragment's target cannot be known, and its first fragment alone is of no use.
    if (this.#fragments === undefined) return this.#drop(Reason.FragmentNoRoom);
    if (kind === Kind.FirstFragment) return this.#decideFirst(this.#fragments, bytes, at, length, etherType);
    return this.#take(this.#fragments.later(this.key, bytes, at, length, packetLength(bytes, at, etherType)));
  }

  #decideFirst(fragments: FragmentTable, bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const fwmark = this.#balance(bytes, at, length, etherType);
    const answer = fragments.first(this.key, fwmark);
    return answer === fwmark ? fwmark : this.#take(answer);
  }

  /** Takes what the fragment table answers. */
  #take(answer: number): number {
    if (answer >= 0) {
      this.reason = Reason.FragmentKnown;
      return answer;
    }
    this.reason = reasonOf(answer);
    return answer === STORED ? STORED : DROP;
  }

  /**
   * The target table of the packet whose key and kind are known; `undefined` when there is none, and {@link reason} says why: no flow, no
   * target, or malformed.
   */
  protected tableOf(_bytes: Uint8Array, _at: number, _length: number, _etherType: number): FwmarkLookup | undefined {
    return this.#targets;
  }

  #balance(bytes: Uint8Array, at: number, length: number, etherType: number): number {
    const targets = this.tableOf(bytes, at, length, etherType);
    if (targets === undefined) return this.#answerWithoutTable();
    this.#hash = this.#hashMode === 1 && this.key.protocol === IPPROTO_SCTP ? this.key.hashPorts() : this.key.hashAll();
    this.buckets = targets.M;
    this.bucket = (this.#hash >>> 0) % targets.M;
    const fwmark = targets.fwmarks[this.bucket]!;
    if (fwmark >= 0) {
      this.reason = Reason.Balanced;
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
