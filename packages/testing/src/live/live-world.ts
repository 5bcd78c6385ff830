import { setTimeout as sleep } from 'node:timers/promises';
import { type Target as ActiveTarget, STORED } from '@nfqlb/core';
import type { SiteConfiguration } from '../configuration.js';
import { TIER, TIER_FWMARK } from '../simulated/simulated-load-balancer.js';
import { SimulatedWorld } from '../simulated/simulated-world.js';
import type { Targets } from '../targets.js';
import type { TimedPacket } from '../traffic/traffic.js';
import type { Outcome, TargetChange, World } from '../world.js';
import { fingerprint } from './fingerprint.js';
import { Machine } from './machine.js';
import type { Arrival } from './orders.js';
import { programCommand } from './program.js';

/** Shared-memory name of the tier's table. */
const TIER_TABLE = 'nfqlb-tier';

/** The configuration file on each machine, whose /run is its own. */
const FILE = '/run/nfqlb.json';

/** How long nothing arrives before all is there, ms: when all that a simulation expects is there, and when not. */
const QUIET_MS = 20;
const LATE_MS = 2000;

/** A packet on its way. */
interface Sent {
  readonly outcome: Outcome;
  /** What the simulation says. */
  readonly expected: Outcome;
}

/**
 * The program `nfqlb flowlb` on machines with namespaces of their own. The test is the router in front of them, which spreads packets by the rule
 * of the simulation, and sees what leaves through the devices that lead to targets. Beside them runs a simulation, which explains decisions.
 */
export class LiveWorld implements World {
  readonly name = 'live';
  readonly isTier: boolean;
  #configuration: SiteConfiguration;
  readonly #command: readonly string[];
  readonly #expected: SimulatedWorld;
  readonly #machines = new Map<number, Machine>();
  /** By device: the fwmark of the target it leads to. */
  readonly #devices = new Map<string, number>();
  readonly #begin = performance.now();
  /** Packets that have not arrived, by fingerprint, in the order they were sent. */
  #pending = new Map<string, Sent[]>();
  #lastArrival = 0;

  private constructor(configuration: SiteConfiguration, targets: Targets, loadBalancers: number, program: string | undefined) {
    this.#configuration = configuration;
    this.#command = programCommand(program);
    this.#expected = new SimulatedWorld(configuration, loadBalancers);
    this.isTier = this.#expected.isTier;
    for (const { fwmark } of targets.all) this.#devices.set(deviceOf(fwmark), fwmark);
  }

  static async create(
    configuration: SiteConfiguration,
    targets: Targets,
    loadBalancers: number,
    program: string | undefined,
  ): Promise<LiveWorld> {
    const world = new LiveWorld(configuration, targets, loadBalancers, program);
    const begun = await Promise.allSettled(world.loadBalancers().map((number) => world.#startMachine(number)));
    const failed = begun.find(({ status }) => status === 'rejected');
    if (failed === undefined) return world;
    await world[Symbol.asyncDispose]();
    throw (failed as PromiseRejectedResult).reason;
  }

  active(): ActiveTargets {
    return this.#expected.active();
  }

  loadBalancers(): readonly number[] {
    return this.#expected.loadBalancers();
  }

  async send(packets: readonly TimedPacket[]): Promise<readonly Outcome[]> {
    const begin = this.#elapsed;
    let next = new Map<number, Uint8Array[]>();
    const flush = async (): Promise<void> => {
      const now = next;
      next = new Map();
      await Promise.all([...now].map(([number, each]) => this.#machines.get(number)!.send(each)));
    };
    const sent: Sent[] = [];
    for (const { bytes, time } of packets) {
      const early = begin + time - this.#elapsed;
      if (early > 0) {
        await flush();
        await sleep(early * 1000);
      }
      this.#expected.advance(this.#elapsed);
      const taker = this.#expected.takerOf(bytes);
      const expected = this.#expected.decide(bytes);
      const one = { expected, outcome: { ...expected, fwmark: undefined } };
      sent.push(one);
      this.#expect(bytes, one);
      next.set(taker, [...(next.get(taker) ?? []), bytes]);
      if (next.get(taker)!.length >= 256) await flush();
    }
    await flush();
    await this.#arrived(sent);
    return sent.map(({ outcome }) => outcome);
  }

  async change(change: TargetChange): Promise<void> {
    const { what, table } = change;
    const words =
      what === 'activate'
        ? [`--weight=${change.target.weight}`, String(change.target.fwmark)]
        : [...(change.drain === undefined ? [] : [`--drain=${change.drain}`]), ...change.fwmarks.map(String)];
    await this.#onAll(what, `--shm=${table}`, ...words);
    this.#expected.advance(this.#elapsed);
    await this.#expected.change(change);
  }

  async apply(configuration: SiteConfiguration): Promise<void> {
    this.#configuration = configuration;
    const declaredTargets = new Map([...configuration.tables].map(([name, { targets }]) => [name, targets]));
    const fwmarks = new Set([...declaredTargets.values()].flat().map(({ fwmark }) => fwmark));
    const fresh = [...fwmarks].filter((fwmark) => !this.#devices.has(deviceOf(fwmark)));
    for (const fwmark of fresh) this.#devices.set(deviceOf(fwmark), fwmark);
    await Promise.all(
      [...this.#machines.values()].map((machine) => machine.lead(new Map(fresh.map((fwmark) => [fwmark, deviceOf(fwmark)])))),
    );
    const text = JSON.stringify(declared(configuration, declaredTargets));
    await Promise.all([...this.#machines.values()].map((machine) => machine.order({ do: 'write', file: FILE, text })));
    await this.#onAll('apply', FILE);
    this.#expected.advance(this.#elapsed);
    await this.#expected.apply(configuration);
  }

  async loseLoadBalancer(number: number): Promise<void> {
    const machine = this.#machines.get(number)!;
    this.#machines.delete(number);
    await machine[Symbol.asyncDispose]();
    await this.#onAll('deactivate', `--shm=${TIER_TABLE}`, String(TIER_FWMARK + number));
    await this.#expected.loseLoadBalancer(number);
  }

  async addLoadBalancer(number: number): Promise<void> {
    await this.#expected.addLoadBalancer(number);
    const others = [...this.#machines.values()];
    await this.#startMachine(number);
    await Promise.all(others.map((machine) => this.#leadTo(machine, [number])));
    await this.#onAll('activate', `--shm=${TIER_TABLE}`, String(TIER_FWMARK + number));
  }

  async wait(seconds: number): Promise<void> {
    await sleep(seconds * 1000);
    this.#expected.advance(this.#elapsed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#machines.values()].map((machine) => machine[Symbol.asyncDispose]()));
    this.#machines.clear();
  }

  /** Seconds since this world began. */
  get #elapsed(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  async #startMachine(number: number): Promise<void> {
    const machine = await Machine.create((arrival) => this.#take(arrival));
    this.#machines.set(number, machine);
    await machine.lead(new Map([...this.#devices].map(([device, fwmark]) => [fwmark, device])));
    const tier = this.isTier ? [`--lbshm=${TIER_TABLE}`] : [];
    if (this.isTier) {
      const numbers = this.loadBalancers();
      const own = TIER_FWMARK + number;
      await machine.run([...this.#command, 'init', `--shm=${TIER_TABLE}`, `--ownfw=${own}`, `--M=${TIER.M}`, `--N=${TIER.N}`]);
      await machine.run([...this.#command, 'activate', `--shm=${TIER_TABLE}`, ...numbers.map((each) => String(TIER_FWMARK + each))]);
      await this.#leadTo(
        machine,
        numbers.filter((each) => each !== number),
      );
    }
    await machine.order({ do: 'write', file: FILE, text: JSON.stringify(declared(this.#configuration, this.active())) });
    await machine.start([...this.#command, 'flowlb', `--config=${FILE}`, '--queue=2', ...tier, ...this.#configuration.words]);
  }

  async #leadTo(machine: Machine, others: readonly number[]): Promise<void> {
    await machine.lead(new Map(others.map((other) => [TIER_FWMARK + other, `lb${other}`])));
  }

  async #onAll(...words: readonly string[]): Promise<void> {
    await Promise.all([...this.#machines.values()].map((machine) => machine.run([...this.#command, ...words])));
  }

  #expect(bytes: Uint8Array, sent: Sent): void {
    const print = fingerprint(bytes);
    const others = this.#pending.get(print);
    if (others) others.push(sent);
    else this.#pending.set(print, [sent]);
  }

  #take({ device, bytes }: Arrival): void {
    this.#lastArrival = performance.now();
    const other = /^lb(\d+)$/.exec(device)?.[1];
    if (other !== undefined) {
      // A fragment for another load balancer of the tier. What goes to one that is lost is lost.
      this.#machines
        .get(Number(other))
        ?.send([bytes])
        .catch(() => {});
      return;
    }
    const sent = this.#pending.get(fingerprint(bytes))?.shift();
    if (sent) sent.outcome.fwmark = this.#devices.get(device);
  }

  /** Waits until all has arrived that the simulation expects, and then nothing for a moment; or nothing for long. */
  async #arrived(sent: readonly Sent[]): Promise<void> {
    const known = new Set(this.#devices.values());
    const isDue = ({ outcome, expected: { fwmark } }: Sent): boolean =>
      outcome.fwmark === undefined && fwmark !== undefined && known.has(fwmark);
    this.#lastArrival = performance.now();
    for (;;) {
      const quiet = performance.now() - this.#lastArrival;
      if (quiet > LATE_MS || (quiet > QUIET_MS && !sent.some(isDue))) break;
      await sleep(5);
    }
    const stored = [...this.#pending].map(
      ([print, each]) =>
        [print, each.filter(({ expected, outcome }) => expected.decision.fwmark === STORED && outcome.fwmark === undefined)] as const,
    );
    this.#pending = new Map(stored.filter(([, each]) => each.length > 0));
  }
}

type ActiveTargets = ReadonlyMap<string, readonly Required<ActiveTarget>[]>;

/** The device that leads to a target. */
const deviceOf = (fwmark: number): string => `t${fwmark}`;

/** A configuration file without what is not about decisions: addresses, rules and routes, checks. */
function declared({ tables, flows }: SiteConfiguration, active: ActiveTargets): object {
  return {
    tables: Object.fromEntries(
      [...tables].map(([name, { M, N, permutation, drain, hash }]) => [
        name,
        {
          M,
          N,
          permutation,
          drain,
          ...(hash && { hash }),
          targets: Object.fromEntries(active.get(name)!.map(({ fwmark, weight }) => [fwmark, weight])),
        },
      ]),
    ),
    flows: flows.map((flow) => Object.fromEntries(Object.entries(flow).filter(([key]) => key !== 'place'))),
  };
}
