import { type Target as ActiveTarget, ETH_P_IP, ETH_P_IPV6, IPPROTO_SCTP, Kind, Reason, STORED, Stage, stageOf } from '@nfqlb/core';
import { decisionOf } from '@nfqlb/core/explanation';
import { ecmp } from '@nfqlb/sim/laboratory';
import type { SiteConfiguration } from '../configuration.js';
import type { TimedPacket } from '../traffic/traffic.js';
import type { Outcome, TargetChange, World } from '../world.js';
import { SimulatedLoadBalancer, TIER_FWMARK } from './simulated-load-balancer.js';

/** The first words of a key, which hold the addresses. */
const ADDRESS_WORDS = 8;

/** Load balancers in virtual time, without threads: the same test gives the same result. */
export class SimulatedWorld implements World {
  readonly name = 'simulated';
  readonly isTier: boolean;
  #configuration: SiteConfiguration;
  readonly #alive = new Map<number, SimulatedLoadBalancer>();
  /** In the order in which the router has them. */
  #path: readonly SimulatedLoadBalancer[] = [];
  /** In seconds. */
  #now = 0;
  #frames = 0;
  /** Stored fragments, by the number they were sent with. */
  readonly #stored = new Map<number, Outcome>();
  /** By datagram: the connection of its first fragment. */
  readonly #datagrams = new Map<string, string>();

  constructor(configuration: SiteConfiguration, loadBalancers: number) {
    this.#configuration = configuration;
    this.isTier = loadBalancers > 1;
    const declared = new Map([...configuration.tables].map(([name, { targets }]) => [name, targets]));
    for (let number = 1; number <= loadBalancers; number++) this.#begin(number, declared);
    this.#share();
  }

  get now(): number {
    return this.#now;
  }

  active(): ReadonlyMap<string, readonly Required<ActiveTarget>[]> {
    return new Map([...this.#path[0]!.tables].map(([name, { slots }]) => [name, slots.filter((target) => target !== undefined)]));
  }

  loadBalancers(): readonly number[] {
    return this.#path.map(({ number }) => number);
  }

  async send(packets: readonly TimedPacket[]): Promise<readonly Outcome[]> {
    const begin = this.#now;
    return packets.map(({ bytes, time }) => {
      this.advance(begin + time);
      return this.decide(bytes);
    });
  }

  /** Lets the clock go on to `now`, in seconds. */
  advance(now: number): void {
    this.#now = Math.max(this.#now, now);
    for (const each of this.#path) each.advance(this.#now);
  }

  /** Sends one packet, now. */
  decide(bytes: Uint8Array): Outcome {
    const etherType = etherTypeOf(bytes);
    const taker = this.#path[ecmp(bytes, 0, bytes.length, etherType, this.#path.length)]!;
    return this.#decide(taker, bytes, etherType, this.#frames++);
  }

  /** The load balancer that the router sends a packet to. */
  takerOf(bytes: Uint8Array): number {
    return this.#path[ecmp(bytes, 0, bytes.length, etherTypeOf(bytes), this.#path.length)]!.number;
  }

  async change(change: TargetChange): Promise<void> {
    for (const each of this.#path) each.change(change, this.#now);
  }

  async apply(configuration: SiteConfiguration): Promise<void> {
    this.#configuration = configuration;
    for (const each of this.#path) each.apply(configuration, this.#now);
  }

  async loseLoadBalancer(number: number): Promise<void> {
    this.#alive.delete(number);
    this.#share();
  }

  async addLoadBalancer(number: number): Promise<void> {
    this.#begin(number, this.active());
    this.#share();
  }

  async wait(seconds: number): Promise<void> {
    this.advance(this.#now + seconds);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #begin(number: number, targets: ReadonlyMap<string, readonly ActiveTarget[]>): void {
    this.#alive.set(number, new SimulatedLoadBalancer(number, this.#configuration, targets, this.isTier));
  }

  #share(): void {
    this.#path = [...this.#alive.values()].sort((a, b) => a.number - b.number);
    for (const each of this.#path) {
      each.advance(this.#now);
      each.share(this.loadBalancers());
    }
  }

  #decide(lb: SimulatedLoadBalancer, bytes: Uint8Array, etherType: number, frame: number): Outcome {
    const { replayed, hashMode } = lb;
    const { balancer, fragments } = replayed;
    fragments.frame = frame;
    const fwmark = balancer.decide(bytes, 0, bytes.length, etherType);
    const other = balancer.reason === Reason.FragmentToTier ? this.#alive.get(fwmark - TIER_FWMARK) : undefined;
    if (other) return this.#decide(other, bytes, etherType, frame);
    const { kind, key } = balancer;
    const stage = stageOf(key, kind, bytes, false);
    const outcome: Outcome = {
      fwmark: fwmark < 0 ? undefined : fwmark,
      loadBalancer: lb.number,
      decision: decisionOf(balancer, fwmark, hashMode, { flow: replayed.flow, table: replayed.tableName }),
      connection: this.#connectionOf(lb),
      begins: kind !== Kind.IcmpInner && stage === Stage.Begins,
      refers: kind === Kind.IcmpInner,
    };
    if (fwmark === STORED) this.#stored.set(frame, outcome);
    for (let fragment = fragments.returning.shift(); fragment; fragment = fragments.returning.shift()) {
      const stored = this.#stored.get(fragment.frame);
      this.#stored.delete(fragment.frame);
      const again = this.#decide(lb, fragment.bytes, etherTypeOf(fragment.bytes), fragment.frame);
      if (stored) stored.fwmark = again.fwmark;
    }
    return outcome;
  }

  #connectionOf({ replayed, hashMode }: SimulatedLoadBalancer): string | undefined {
    const { kind, key } = replayed.balancer;
    if (kind === Kind.Malformed) return undefined;
    const datagram = `${key.words.subarray(0, ADDRESS_WORDS).join()},${key.fragmentId},${key.fragmentProtocol}`;
    if (kind === Kind.Fragment) return this.#datagrams.get(datagram);
    // Associations of SCTP are one by their ports, whatever path their packets take.
    const connection = (hashMode === 1 && key.protocol === IPPROTO_SCTP ? key.words.subarray(ADDRESS_WORDS) : key.words).join();
    if (kind === Kind.FirstFragment) this.#datagrams.set(datagram, connection);
    return connection;
  }
}

export function etherTypeOf(bytes: Uint8Array): number {
  return bytes.length > 0 && bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
}
