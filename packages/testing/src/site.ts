import type { SiteConfiguration } from './configuration.js';
import { siteConfiguration } from './configuration.js';
import { Deliveries } from './deliveries.js';
import { Delivery } from './delivery.js';
import { LiveWorld } from './live/live-world.js';
import { SimulatedWorld } from './simulated/simulated-world.js';
import type { Target, TargetName } from './target.js';
import { Targets } from './targets.js';
import { TestingError } from './testing-error.js';
import { type TimedPacket, type Traffic, timed } from './traffic/traffic.js';
import type { Outcome, World } from './world.js';
import { WORLDS, type WorldName } from './world-name.js';

export interface SiteOptions {
  /** How many stand side by side behind ECMP. Default 1, at most 32. */
  readonly loadBalancers?: number;
  /** Default: what the environment variable NFQLB_WORLD says; without it, `simulated`. */
  readonly world?: WorldName;
  /** The program `nfqlb` of the live world. Default: NFQLB_PROGRAM, or that of the package `@nfqlb/cli`. */
  readonly program?: string;
}

export interface SendOptions {
  /** What happens meanwhile, by the time in seconds since the first packet: `{ 1.5: () => web.lose('web-2') }`. */
  readonly at?: Readonly<Record<number, () => Promise<void>>>;
}

const MOST_LOAD_BALANCERS = 32;

/**
 * Load balancers with a configuration, and its targets.
 *
 * @param configuration a file that `nfqlb run` takes, or its content as an object
 * @throws an error with what is wrong with the configuration, or with what the live world lacks
 */
export async function site(configuration: string | URL | object, options: SiteOptions = {}): Promise<Site> {
  const { loadBalancers = 1, world = worldOfEnvironment() } = options;
  if (!Number.isInteger(loadBalancers) || loadBalancers < 1 || loadBalancers > MOST_LOAD_BALANCERS) {
    throw new TestingError(`loadBalancers: ${loadBalancers}: must be a whole number from 1 to ${MOST_LOAD_BALANCERS}`);
  }
  const declared = await siteConfiguration(configuration);
  const targets = new Targets(declared.tables);
  return new Site(targets, declared, await worldNamed(world, declared, targets, loadBalancers, options.program));
}

async function worldNamed(
  world: string,
  configuration: SiteConfiguration,
  targets: Targets,
  loadBalancers: number,
  program: string | undefined,
): Promise<World> {
  if (world === 'simulated') return new SimulatedWorld(configuration, loadBalancers);
  if (world === 'live') return await LiveWorld.create(configuration, targets, loadBalancers, program);
  throw new TestingError(`NFQLB_WORLD=${world}: must be one of ${WORLDS.join(', ')}`);
}

function worldOfEnvironment(): string {
  return process.env.NFQLB_WORLD ?? 'simulated';
}

/** Load balancers and targets of a test. Made by {@link site}; end it with `await using`, or by `close`. */
class Site implements AsyncDisposable {
  readonly #world: World;
  #configuration: SiteConfiguration;
  readonly #targets: Targets;
  /** By connection: where its last packet went. */
  readonly #connections = new Map<string, Target>();
  /** By connection. */
  readonly #broken = new Map<string, Delivery>();

  /** @internal */
  constructor(targets: Targets, configuration: SiteConfiguration, world: World) {
    this.#targets = targets;
    this.#configuration = configuration;
    this.#world = world;
  }

  get world(): WorldName {
    return this.#world.name;
  }

  /** All declared ones, active or not. */
  get targets(): readonly Target[] {
    return this.#targets.all;
  }

  /** Packets that did not go where the packet before them of their connection went, the first of each connection. */
  get broken(): readonly Delivery[] {
    return [...this.#broken.values()];
  }

  /** How many connections have been seen. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Sends packets from the clients' side, and waits until all have arrived that will. */
  async send(traffic: Traffic, { at = {} }: SendOptions = {}): Promise<Deliveries> {
    const packets = await timed(traffic);
    const events = Object.entries(at)
      .map(([time, act]) => ({ time: Number(time), act }))
      .sort((a, b) => a.time - b.time);
    const last = packets.at(-1)?.time ?? 0;
    const late = events.find(({ time }) => !(time >= 0 && time <= last));
    if (late) throw new TestingError(`send: at ${late.time}: must be a time from 0 to ${last} s, when the last packet is sent`);
    const outcomes: Outcome[] = [];
    let begin = 0;
    let sent = 0;
    for (const { time, act } of [...events, { time: Number.POSITIVE_INFINITY, act: undefined }]) {
      const next = packets.findIndex((packet, i) => i >= sent && packet.time >= time);
      const end = next < 0 ? packets.length : next;
      const stretch: TimedPacket[] = packets.slice(sent, end).map((packet) => ({ ...packet, time: packet.time - begin }));
      outcomes.push(...(await this.#world.send(stretch)));
      sent = end;
      if (!act) break;
      await this.#world.wait(time - (begin + (stretch.at(-1)?.time ?? 0)));
      begin = time;
      await act();
    }
    return this.#delivered(packets, outcomes);
  }

  /** Targets die: they are taken out at once, as by a failed health check. Connections of the others stay as the table's `drain` says. */
  async lose(...names: readonly TargetName[]): Promise<void> {
    await this.#deactivate(names);
    await this.#deactivate(names, 0);
  }

  /** Targets get no more new connections; old ones stay as the table's `drain` says. */
  async drain(...names: readonly TargetName[]): Promise<void> {
    await this.#deactivate(names);
  }

  /** Targets come, or come back, with the weight that the configuration says. */
  async recover(...names: readonly TargetName[]): Promise<void> {
    for (const name of names) {
      const { fwmark, weights } = this.#targets.get(name);
      for (const [table, weight] of weights) await this.#world.change({ what: 'activate', table, target: { fwmark, weight } });
    }
  }

  /** Targets get another weight: `weigh({ 'web-1': 3 })`. */
  async weigh(weights: Readonly<Record<TargetName, number>>): Promise<void> {
    for (const [name, weight] of Object.entries(weights)) {
      const target = this.#targets.get(name);
      for (const table of target.weights.keys()) {
        await this.#world.change({ what: 'activate', table, target: { fwmark: target.fwmark, weight } });
      }
    }
  }

  /**
   * Another configuration is applied, as by `nfqlb apply`: its targets, flows and drains. The tables are the same.
   *
   * @param configuration as for {@link site}
   */
  async apply(configuration: string | URL | object): Promise<void> {
    const next = await siteConfiguration(configuration);
    checkSame(this.#configuration, next);
    this.#targets.declare(next.tables);
    this.#configuration = next;
    await this.#world.apply(next);
  }

  /** A load balancer dies; the router spreads packets over the others. @param number from 1 */
  async loseLoadBalancer(number: number): Promise<void> {
    const there = this.#world.loadBalancers();
    if (!there.includes(number)) throw new TestingError(`there is no load balancer ${number}; there are ${there.join(', ')}`);
    if (there.length === 1) throw new TestingError(`load balancer ${number} is the last one; a site needs one`);
    await this.#world.loseLoadBalancer(number);
  }

  /** A load balancer comes, or comes back: with the tables as they are now, and without any memory. */
  async addLoadBalancer(number: number): Promise<void> {
    const there = this.#world.loadBalancers();
    if (there.includes(number)) throw new TestingError(`load balancer ${number} is there already`);
    if (!Number.isInteger(number) || number < 1 || number > MOST_LOAD_BALANCERS) {
      throw new TestingError(`load balancer ${number}: must be a whole number from 1 to ${MOST_LOAD_BALANCERS}`);
    }
    if (!this.#isTier)
      throw new TestingError('addLoadBalancer: the site began with one load balancer; site(…, { loadBalancers: 2 }) makes a tier');
    await this.#world.addLoadBalancer(number);
  }

  /** Time passes, in seconds. In the live world, it does. */
  async wait(seconds: number): Promise<void> {
    await this.#world.wait(seconds);
  }

  async close(): Promise<void> {
    await this.#world[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #isTier(): boolean {
    return this.#world.isTier;
  }

  async #deactivate(names: readonly TargetName[], drain?: number): Promise<void> {
    const gone = names.map((name) => this.#targets.get(name));
    for (const table of this.#configuration.tables.keys()) {
      const fwmarks = gone.filter(({ weights }) => weights.has(table)).map(({ fwmark }) => fwmark);
      if (fwmarks.length > 0) await this.#world.change({ what: 'deactivate', table, fwmarks, ...(drain !== undefined && { drain }) });
    }
  }

  #delivered(packets: readonly TimedPacket[], outcomes: readonly Outcome[]): Deliveries {
    const target = (fwmark: number): Target | undefined => this.#targets.withFwmark(fwmark);
    const all = outcomes.map((outcome, i) => {
      const { connection, begins, refers } = outcome;
      const known = connection === undefined ? undefined : this.#connections.get(connection);
      const before = begins ? undefined : known;
      const delivery = new Delivery(i + 1, packets[i]!.bytes, outcome, before, target, this.world);
      const reached = delivery.target;
      if (before && reached !== before && !this.#broken.has(connection!)) this.#broken.set(connection!, delivery);
      if (connection !== undefined && reached && !refers) this.#connections.set(connection, reached);
      return delivery;
    });
    const active = new Map(
      [...this.#world.active()].map(([table, targets]) => [
        table,
        new Map(targets.map(({ fwmark, weight }) => [target(fwmark)!, weight] as const)),
      ]),
    );
    return new Deliveries(all, active, (name) => this.#targets.named(name));
  }
}

export type { Site };

/** @throws {@link TestingError} if what cannot change differs */
function checkSame(before: SiteConfiguration, next: SiteConfiguration): void {
  const sizes = ({ tables }: SiteConfiguration): string =>
    [...tables]
      .map(([name, { M, N, permutation, hash = 'djb2' }]) => `${name}: M=${M}, N=${N}, permutation ${permutation}, hash ${hash}`)
      .join('; ');
  if (sizes(before) !== sizes(next))
    throw new TestingError(`apply: the tables must be the same: ${sizes(before)}. Make another site for ${sizes(next)}`);
  if (before.words.join(' ') !== next.words.join(' '))
    throw new TestingError('apply: options must be the same: they are of the running program');
}
