import type { Configuration, DeclaredTable } from '@nfqlb/configuration';
import { changesBetween } from '@nfqlb/configuration/changes';
import { type Cidr, parseCidr } from '@nfqlb/core/address';
import { log } from '@nfqlb/daemon/log';
import { type Balancer, type Companion, Degradations } from '@nfqlb/daemon/main';
import type { Capability } from '@nfqlb/native';
import { describeFailures, few } from '@nfqlb/options';
import { flowAddress } from '@nfqlb/protocol/flow';
import { Access, type AccessOptions } from '@nfqlb/protocol/sockets';
import type { Announcement, TableHealth, TierMemberStatus } from '@nfqlb/protocol/status';
import type { SetUp } from '@nfqlb/setup';
import { type KeptState, SetUpKeeper } from '@nfqlb/setup/keeper';
import { Announcing } from '../announce/announcing.js';
import { readPresent } from '../apply/present.js';
import { makeChanges } from '../apply/transaction.js';
import { watchText } from '../apply/watched-file.js';
import { ownFacts } from '../tier/member-facts.js';
import { TierWatch } from '../tier/tier-watch.js';
import type { ConfigurationText } from './configuration-text.js';
import { declaredSetUps, isSame, type SetUpChoice } from './declared-set-up.js';
import { Discovery } from './discovery.js';
import { FormerSetUps } from './former-set-ups.js';
import { usedTables } from './monitored.js';
import { TargetCare } from './target-care.js';

export interface SiteOptions {
  readonly source: ConfigurationText;
  /** The text at the start, and what it declares. */
  readonly text: string;
  readonly configuration: Configuration;
  /** Reads another text. */
  readonly parse: (text: string) => Configuration;
  readonly choice: SetUpChoice;
  /** Whether the fast path decides for the VIPs of the file, and not for those of an option. */
  readonly decidesForVips: boolean;
  /** Whether rules and routes are removed at the end. */
  readonly removes: boolean;
  /** How long a packet may take from the decision to its target, and a fragment to follow the first of its datagram; in milliseconds. */
  readonly underWay: number;
  /** Who may withdraw VIPs. */
  readonly access: AccessOptions;
}

/** A table that another program has locked is tried again soon: the main thread must not wait. */
const LOCK_TIMEOUT_MS = 20;

/** When to change a table that was locked when a target went down or came up. */
const MAKE_UP_MS = 100;

/** Targets that are found at about the same time make one change. */
const TOGETHER_MS = 50;

/** When what was found is tried again. */
const RETRY_MS = 500;

/** How often rules and routes are looked at. After a look that took long, because there are many, or the machine is busy, a rest of {@link REST} times as long follows. */
const LOOK_INTERVAL_MS = 2000;
const REST = 5;

/** Keeps tables, flows, rules and routes as a file declares them, while the load balancer runs in the same process. */
export class Site implements Companion {
  /** For checks of type icmp and sctp, which the file may have at any time, and for iptables-legacy. */
  readonly capabilities: readonly Capability[] = ['CAP_NET_RAW'];
  readonly degradations: Degradations = new Degradations();
  readonly #options: SiteOptions;
  readonly #keeper: SetUpKeeper;
  readonly #care: TargetCare;
  readonly #discovery: Discovery;
  readonly #stop = new AbortController();
  #balancer: Balancer | undefined;
  #announcing: Announcing | undefined;
  #tier: TierWatch | undefined;
  /** What the text declares; and the same with the targets that are found: this is in force. */
  #written: Configuration;
  #declared: Configuration;
  /** Rules and routes as declared, and what only former targets and VIPs need. */
  #setUps: ReadonlyMap<string, SetUp> = new Map();
  readonly #former = new FormerSetUps();
  #established: readonly SetUp[] = [];
  /** Whether they have left the ways to other targets. */
  #keptFormer = false;
  /** Until then there may be ways to targets of an earlier `run` that had another file, and tables that lead there. */
  #isSettled = false;
  #settling: NodeJS.Timeout | undefined;
  #finding: NodeJS.Timeout | undefined;
  #makingUp: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #following: Promise<unknown> | undefined;
  /** Configurations are adopted one after the other. */
  #adopting: Promise<void> = Promise.resolve();
  /** Changes of rules and routes are made one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#written = options.configuration;
    this.#declared = options.configuration;
    this.#keeper = new SetUpKeeper();
    this.#care = new TargetCare({ lockTimeout: LOCK_TIMEOUT_MS, makeUp: () => this.#makeUpLater() });
    this.#discovery = new Discovery({
      changed: () => this.#findLater(TOGETHER_MS),
      tell: (problems) => this.degradations.tell('discovery', problems),
    });
  }

  /** What is in force now. */
  get declared(): Configuration {
    return this.#declared;
  }

  get file(): string {
    return this.#options.source.absolute;
  }

  health(): readonly TableHealth[] {
    return this.#care.status();
  }

  announcement(): Announcement {
    return this.#announcing?.status() ?? { drained: false, vips: [] };
  }

  devices(): readonly (readonly [name: string, fd: number])[] {
    return this.#announcing?.devices ?? [];
  }

  tier(): readonly TierMemberStatus[] {
    return this.#tier?.status() ?? [];
  }

  async begin(balancer: Balancer): Promise<void> {
    this.#balancer = balancer;
    const { source, text, configuration, parse, choice, access } = this.#options;
    await this.#use(configuration, text);
    this.#announcing = new Announcing({
      queue: choice.queue.first,
      problems: balancer.problems,
      report: (problems) => this.degradations.tell('announcement', problems),
      access: new Access(access),
      inherited: balancer.inherited,
    });
    this.#announcing.watch(this.#declared.tables ?? new Map());
    await this.#announcing.begin();
    const own = (): ReturnType<typeof ownFacts> => ownFacts(balancer.status());
    this.#tier = new TierWatch({ own, report: (problems) => this.degradations.tell('tier', problems) });
    this.#tier.watch(configuration.tier ?? []);
    const report = (problems: readonly string[]): void =>
      this.degradations.tell('configuration', problems, 'the last good one stays in force');
    const use = (changed: string): Promise<void> => this.#use(parse(changed), changed);
    const { signal } = this.#stop;
    this.#following = Promise.all([source.follow(signal), watchText(source.read, use, report, signal, text)]);
    this.#lookLater(LOOK_INTERVAL_MS);
  }

  async end(isTakenOver: boolean): Promise<void> {
    this.#stop.abort();
    this.#tier?.close();
    await this.#announcing?.leave(isTakenOver);
    for (const timer of [this.#settling, this.#looking, this.#finding]) clearTimeout(timer);
    await this.#following;
    await this.#discovery.close();
    await this.#adopting;
    clearTimeout(this.#settling);
    await this.#care.close();
    clearTimeout(this.#makingUp);
    const removes = this.#options.removes && !isTakenOver;
    if (removes) {
      this.#discovery.forget();
      this.#options.source.forget();
    }
    await this.#turn;
    if (removes && this.keepsSetUp) {
      const { problems } = await this.#keeper.remove();
      for (const problem of problems) log.warning(`not removed: ${problem}`);
    }
    await this.#keeper.close();
  }

  /** Adopts another text. */
  async #use(written: Configuration, text: string): Promise<void> {
    await this.#afterOthers(async () => {
      await this.#discovery.watch(written);
      await this.#adopt(this.#discovery.complete(written));
      this.#written = written;
    });
    this.#options.source.inForce(text);
  }

  /** Adopts what has been found. */
  #findLater(pause: number): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#finding);
    this.#finding = setTimeout(() => {
      this.#afterOthers(async () => {
        if (this.#stop.signal.aborted) return;
        const complete = this.#discovery.complete(this.#written);
        if (!isSameConfiguration(complete, this.#declared)) await this.#adopt(complete);
        this.#discovery.refused([]);
      }).catch((error) => {
        this.#discovery.refused(describeFailures(error).map((problem) => `what was found is not in force: ${problem}`));
        this.#findLater(RETRY_MS);
      });
    }, pause);
  }

  #afterOthers(work: () => Promise<void>): Promise<void> {
    const done = this.#adopting.then(work);
    this.#adopting = done.catch(() => {});
    return done;
  }

  /**
   * Makes what is declared come true, in an order in which no packet is lost: first the way to new targets, then the targets and flows, and at last,
   * when nothing is under way to former targets, the way to these goes.
   */
  async #adopt(configuration: Configuration): Promise<void> {
    const { choice } = this.#options;
    const setUps = declaredSetUps(configuration, choice);
    this.#former.add(this.#setUps);
    clearTimeout(this.#settling);
    await this.#establish(this.#former.with(setUps, performance.now()));
    this.#setUps = setUps;
    // Checks may go to the VIP, and so need the way there.
    await this.#care.watch(configuration.tables ?? new Map());
    await this.#changeTablesAndFlows(configuration);
    const drain = Math.max(drainOf(this.#declared), drainOf(configuration));
    this.#former.settle(performance.now() + drain * 1000 + this.#options.underWay);
    this.#settleLater();
    this.#declared = configuration;
    this.#announcing?.watch(configuration.tables ?? new Map());
    this.#tier?.watch(configuration.tier ?? []);
    log.notice(`in force: ${this.#options.source.place}: ${summaryOf(configuration)}`);
    this.#tellOptions(configuration);
  }

  async #changeTablesAndFlows(configuration: Configuration): Promise<void> {
    const address = flowAddress();
    // The file is all there is: without flows in it, there are none.
    const declared = { tables: this.#usedTables(configuration), flows: configuration.flows ?? [] };
    await makeChanges(changesBetween(await readPresent(address), declared), address, LOCK_TIMEOUT_MS);
    if (this.#options.decidesForVips) await this.#balancer!.decideFor(vipsOf(this.#setUps));
  }

  #usedTables({ tables = new Map() }: Configuration): Map<string, DeclaredTable> {
    return usedTables(tables, (name) => this.#care.used(name));
  }

  /** Makes tables as declared, without the targets that are down. */
  #makeUpLater(): void {
    clearTimeout(this.#makingUp);
    this.#makingUp = setTimeout(() => this.#makeUp().catch(() => this.#makeUpLater()), MAKE_UP_MS);
  }

  async #makeUp(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const declared = { tables: this.#usedTables(this.#declared), flows: undefined };
    await makeChanges(changesBetween(await readPresent(undefined), declared), flowAddress(), LOCK_TIMEOUT_MS);
  }

  /** Options are read once: the queues, for example, are what workers were started for. */
  #tellOptions({ options }: Configuration): void {
    const text = (given: Configuration['options']): string => JSON.stringify([...(given ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const isChanged = text(options) !== text(this.#options.configuration.options);
    this.degradations.tell('options', isChanged ? ['they have changed since the start, and take effect at the next one'] : []);
  }

  get keepsSetUp(): boolean {
    return this.#established.length > 0;
  }

  async #establish(byTable: ReadonlyMap<string, SetUp>): Promise<void> {
    const setUps = [...byTable.values()];
    await this.#take(async () => {
      // Without VIPs, now or before, rules and routes are somebody else's.
      if (setUps.length === 0 && !this.keepsSetUp) return undefined;
      const keepsFormer = !this.#isSettled;
      if (isSame(setUps, this.#established) && keepsFormer === this.#keptFormer) return undefined;
      const state = await this.#keeper.establish(setUps, keepsFormer);
      this.#established = setUps;
      this.#keptFormer = keepsFormer;
      return state;
    });
  }

  /** Removes the way to former targets when it is no longer needed. */
  #settleLater(): void {
    const { next } = this.#former;
    if (next === undefined || !Number.isFinite(next)) return;
    this.#settling = setTimeout(
      () => {
        this.#isSettled = true;
        this.#establish(this.#former.with(this.#setUps, performance.now())).catch((error) => this.#failed(error));
        this.#settleLater();
      },
      Math.max(0, next - performance.now()) + 1,
    );
  }

  #lookLater(pause: number): void {
    this.#looking = setTimeout(() => {
      const begin = performance.now();
      this.degradations.tell('health', this.#care.troubles);
      this.#take(async () => (this.keepsSetUp ? this.#keeper.look() : undefined))
        .catch((error) => this.#failed(error))
        .finally(() => {
          if (!this.#stop.signal.aborted) this.#lookLater(Math.max(LOOK_INTERVAL_MS, REST * (performance.now() - begin)));
        });
    }, pause);
  }

  /** Waits for its turn, and tells what came of it. */
  #take(work: () => Promise<KeptState | undefined>): Promise<void> {
    const done = this.#turn.then(async () => {
      const state = await work();
      if (!state) return;
      const { repaired, problems } = state;
      if (repaired.length > 0) log.warning(`set-up: somebody else has changed it; now it is as before: ${few(repaired)}`);
      this.degradations.tell('set-up', problems);
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  #failed(error: unknown): void {
    this.degradations.tell('set-up', describeFailures(error));
  }
}

/** The longest time that a connection may stay with a former target, in seconds. */
function drainOf({ tables }: Configuration): number {
  return Math.max(0, ...Array.from(tables?.values() ?? [], ({ drain }) => drain));
}

/** Destinations of both families, each once. */
export function vipsOf(setUps: ReadonlyMap<string, SetUp>): Cidr[] {
  const texts = new Set([...setUps.values()].flatMap(({ vips }) => [...vips[4], ...vips[6]]));
  return Array.from(texts, (text) => parseCidr(text)!);
}

function isSameConfiguration(a: Configuration, b: Configuration): boolean {
  const text = ({ tables, ...rest }: Configuration): string =>
    JSON.stringify([tables && [...tables], rest, rest.options && [...rest.options]]);
  return text(a) === text(b);
}

function summaryOf({ tables = new Map(), flows = [] }: Configuration): string {
  const all = [...(tables as NonNullable<Configuration['tables']>).values()];
  const vips = new Set(all.flatMap(({ service }) => service?.vips ?? []));
  const targets = all.reduce((sum, table) => sum + table.targets.length, 0);
  return `${count(all.length, 'table')}, ${count(targets, 'target')}, ${count(flows.length, 'flow')}, ${count(vips.size, 'VIP')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
