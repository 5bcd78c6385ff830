import type { PacketStream } from '@nfqlb/captures';
import { END, ETH_P_IP, ETH_P_IPV6, Reason } from '@nfqlb/core';
import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';
import type { ReplayedBalancerOptions, ReplayedTable } from '../replay/replayed-balancer.js';
import type { ScheduledChange } from '../replay/schedule.js';
import { KeptTargets } from './kept-targets.js';
import { Member, type Order } from './member.js';
import { ecmp, type SprayKind } from './spray.js';

/** A load balancer that is lost or added, in seconds after the first packet. */
export interface TierEvent {
  readonly at: number;
  readonly lb: number;
  readonly what: 'fail' | 'add';
}

export interface TierOptions {
  readonly packets: PacketStream;
  readonly balancer: ReplayedBalancerOptions;
  readonly changes: readonly ScheduledChange[];
  /** Load balancers at first: numbers 1 to `lbs`. */
  readonly lbs: number;
  /** In order of time. */
  readonly events: readonly TierEvent[];
  readonly spray: SprayKind;
  readonly order: Order;
  readonly seed: number;
  /** M, N and permutation of the table in which the load balancers are the targets. */
  readonly tier: Omit<ReplayedTable, 'targets'>;
}

export interface TierResult {
  readonly packets: number;
  readonly kept: KeptTargets;
  /** All load balancers there were, in order of their beginning. */
  readonly members: readonly Member[];
  /** Events after the last packet. */
  readonly pending: readonly TierEvent[];
}

/** Throws the packets of a capture at load balancers of a tier. The same input gives the same result. */
export async function replayTier(options: TierOptions): Promise<TierResult> {
  const tier = new Tier(options);
  const { packets } = options;
  for (;;) {
    const received = packets.receive();
    const count = typeof received === 'number' ? received : await received;
    if (count === END) return tier.end();
    const { bytes, offset, length, etherType, seconds, nanoseconds } = packets.batch;
    for (let i = 0; i < count; i++) tier.take(bytes, offset[i]!, length[i]!, etherType[i]!, seconds[i]!, nanoseconds[i]!);
    packets.settle(count);
  }
}

class Tier {
  readonly #options: TierOptions;
  readonly #random: () => number;
  readonly #kept: KeptTargets;
  readonly #all: Member[] = [];
  /** Those that are there, by number. */
  readonly #alive = new Map<number, Member>();
  #path: Member[] = [];
  #packets = 0;
  #next = 0;

  constructor(options: TierOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.#kept = new KeptTargets(options.balancer.balancer?.hashMode ?? 1);
    for (let number = 1; number <= options.lbs; number++) this.#begin(number);
    this.#share();
  }

  take(bytes: Uint8Array, at: number, length: number, etherType: number, seconds: number, nanoseconds: number): void {
    this.#packets++;
    const now = seconds + nanoseconds / 1e9;
    const { events, spray } = this.#options;
    for (; this.#next < events.length && events[this.#next]!.at <= now; this.#next++) this.#apply(events[this.#next]!);
    for (const member of this.#path) member.advance(seconds, nanoseconds);
    const paths = this.#path.length;
    const index = spray === 'random' ? Math.floor((this.#random() / RANDOM_RANGE) * paths) : ecmp(bytes, at, length, etherType, paths);
    const member = this.#path[index]!;
    member.packets++;
    this.#decide(member, bytes, at, length, etherType);
  }

  end(): TierResult {
    this.#kept.end();
    return { packets: this.#packets, kept: this.#kept, members: this.#all, pending: this.#options.events.slice(this.#next) };
  }

  #decide(member: Member, bytes: Uint8Array, at: number, length: number, etherType: number): void {
    const { balancer, fragments } = member.replayed;
    const fwmark = balancer.decide(bytes, at, length, etherType);
    if (balancer.reason === Reason.FragmentToTier) {
      const other = this.#path.find((each) => each.fwmark === fwmark)!;
      other.forwarded++;
      this.#decide(other, bytes, at, length, etherType);
      return;
    }
    this.#kept.look(member, fwmark);
    for (let fragment = fragments.returning.shift(); fragment; fragment = fragments.returning.shift()) {
      this.#decide(member, fragment.bytes, 0, fragment.bytes.length, fragment.bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
    }
  }

  #apply({ lb, what }: TierEvent): void {
    const member = this.#alive.get(lb);
    if (what === 'add') this.#begin(lb);
    else {
      this.#alive.delete(lb);
      this.#kept.lose(member!);
    }
    this.#share();
  }

  #begin(number: number): void {
    const { balancer, changes, tier, order } = this.#options;
    const member = new Member(number, balancer, changes, tier, order);
    this.#alive.set(number, member);
    this.#all.push(member);
  }

  #share(): void {
    this.#path = [...this.#alive.values()].sort((a, b) => a.number - b.number);
    for (const member of this.#path) member.share(this.#path);
  }
}
