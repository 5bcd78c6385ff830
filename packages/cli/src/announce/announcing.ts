import { closeSync } from 'node:fs';
import type { Server } from 'node:net';
import type { DeclaredTable } from '@nfqlb/configuration';
import { log } from '@nfqlb/daemon/log';
import type { Inheritance } from '@nfqlb/daemon/main';
import { describeFailure } from '@nfqlb/options';
import { type AnnounceOrder, serveAnnounce } from '@nfqlb/protocol/announce';
import type { Access } from '@nfqlb/protocol/sockets';
import type { Announcement, VipStatus } from '@nfqlb/protocol/status';
import { readTable } from '@nfqlb/protocol/tables';
import { VIP_DEVICE, VipRoutes } from '@nfqlb/setup/announcement';
import { verdictsOn } from './verdicts.js';

/** How often it is decided what to announce. */
const LOOK_MS = 200;

/** A process whose main thread does nothing for this long is killed, so that what it announces goes. Reading a large file takes a tenth of it. */
const HUNG_MS = 5000;

/** How often the kernel's routes are compared with what they are to be, and a device that could not be made is tried again. */
const CHECK_MS = 2000;

/** The kernel ignores what would kill the first process of a container, unless it comes from outside. */
const IMMORTAL =
  'this is process 1 of its container, which the kernel does not kill: should it hang, its VIPs stay announced; start it by an init (docker run --init)';

/** For how long packets are balanced after all VIPs are withdrawn: routers hear of it meanwhile. */
const LEAVE_MS = 1000;

export interface AnnouncingOptions {
  /** The first queue. */
  readonly queue: number;
  /** Why the load balancer is not healthy; empty if it is. */
  readonly problems: () => readonly string[];
  /** Told what keeps VIPs from being announced. */
  readonly report: (problems: readonly string[]) => void;
  readonly access: Access;
  readonly inherited?: Inheritance | undefined;
}

/** Tells a BGP speaker on this machine which VIPs to announce, for as long as this process can serve them. */
export class Announcing {
  readonly #options: AnnouncingOptions;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tables: ReadonlyMap<string, DeclaredTable> = new Map();
  #isDrained = false;
  #verdicts: readonly VipStatus[] = [];
  #routes: VipRoutes | undefined;
  /** What the routes are, as far as we know. */
  #established: ReadonlySet<string> = new Set();
  #isBusy = false;
  /** When the kernel was last asked, or a device was last to be made; milliseconds of a monotonic clock. */
  #checkedAt = Number.NEGATIVE_INFINITY;
  #problems: readonly string[] = [];

  constructor(options: AnnouncingOptions) {
    this.#options = options;
    const { inherited } = options;
    if (!inherited) return;
    this.#isDrained = inherited.isDrained;
    const fd = inherited.device(VIP_DEVICE);
    if (fd === undefined) return;
    this.#routes = new VipRoutes(fd);
    closeSync(fd);
  }

  /** Its tun device, for a process that takes over. */
  get devices(): readonly (readonly [name: string, fd: number])[] {
    return this.#routes ? [[VIP_DEVICE, this.#routes.fd]] : [];
  }

  async begin(): Promise<void> {
    const { queue, access } = this.#options;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
    try {
      this.#server = await serveAnnounce(queue, (order) => this.#obey(order), access);
    } catch (error) {
      log.warning(`nfqlb announce cannot reach it: ${describeFailure(error)}`);
    }
  }

  /** Announces VIPs of these tables from now on. */
  watch(tables: ReadonlyMap<string, DeclaredTable>): void {
    this.#tables = tables;
    if (this.#timer) this.#look();
  }

  status(): Announcement {
    const [problem = 'its route is being made'] = this.#problems;
    const vips = this.#routes
      ? this.#verdicts
      : this.#verdicts.map((one) => (one.announced ? { ...one, announced: false, why: problem } : one));
    return { drained: this.#isDrained, vips };
  }

  /**
   * Withdraws all VIPs. Resolves when routers have had time to hear of it.
   *
   * @param isTakenOver whether another process goes on with the device: then they stay announced
   */
  async leave(isTakenOver: boolean): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#server?.close();
    const wasAnnounced = this.#routes !== undefined;
    this.#withdraw();
    if (isTakenOver) return;
    for (const { vip } of this.#verdicts.filter(({ announced }) => announced)) log.notice(`withdrawn: ${vip}: it stops`);
    this.#verdicts = [];
    if (wasAnnounced) await new Promise((resolve) => setTimeout(resolve, LEAVE_MS));
  }

  #obey(order: AnnounceOrder): void {
    this.#isDrained = order === 'drain';
    this.#look();
  }

  #look(): void {
    this.#decide();
    const wanted = new Set(this.#verdicts.flatMap(({ vip, announced }) => (announced ? [vip] : [])));
    if (wanted.size === 0) {
      this.#withdraw();
      this.#problems = [];
    } else if (this.#open()) {
      this.#routes!.renew(HUNG_MS);
      const isSame = wanted.size === this.#established.size && [...wanted].every((vip) => this.#established.has(vip));
      if (!this.#isBusy && (!isSame || performance.now() >= this.#checkedAt + CHECK_MS)) this.#establish(this.#routes!, wanted);
    }
    this.#options.report([...this.#withheld(), ...this.#problems]);
  }

  /** Without those that were drained, as they should be; and `/healthz` says itself that the load balancer is not healthy. */
  #withheld(): string[] {
    if (this.#isDrained || this.#options.problems().length > 0) return [];
    return this.#verdicts.flatMap(({ vip, announced, why }) => (announced ? [] : [`${vip} is withdrawn: ${why}`]));
  }

  #decide(): void {
    const before = new Map(this.#verdicts.map((verdict) => [verdict.vip, verdict]));
    const circumstances = { tables: this.#tables, isDrained: this.#isDrained, problems: this.#options.problems(), targetsOf };
    this.#verdicts = verdictsOn(circumstances);
    for (const { vip, announced, why } of this.#verdicts) {
      const was = before.get(vip);
      before.delete(vip);
      if (announced === (was?.announced ?? false)) continue;
      if (announced) log.notice(`announced: ${vip}`);
      else log.warning(`withdrawn: ${vip}: ${why}`);
    }
    for (const { vip, announced } of before.values()) if (announced) log.notice(`withdrawn: ${vip}: the file no longer says so`);
  }

  /** Whether there is a device. */
  #open(): boolean {
    if (this.#routes) return true;
    const now = performance.now();
    if (now < this.#checkedAt + CHECK_MS && this.#problems.length > 0) return false;
    this.#checkedAt = now;
    try {
      this.#routes = new VipRoutes();
      this.#problems = [];
      if (process.pid === 1) log.warning(IMMORTAL);
      return true;
    } catch (error) {
      this.#problems = [`no VIP can be announced: ${describeFailure(error)}`];
      return false;
    }
  }

  #establish(routes: VipRoutes, wanted: ReadonlySet<string>): void {
    this.#isBusy = true;
    const isCheck = this.#established.size > 0;
    const before = this.#established;
    this.#established = wanted;
    this.#checkedAt = performance.now();
    routes
      .establish(wanted)
      .then(({ changed, problems }) => {
        if (routes !== this.#routes) return;
        this.#problems = problems;
        const unexpected = changed.filter((change) => isCheck && before.has(change.replace(/^add /, '')));
        if (unexpected.length > 0) log.warning(`announcement: somebody else has changed it; now it is as before: ${unexpected.join(', ')}`);
      })
      .catch((error) => {
        if (routes !== this.#routes) return;
        // Somebody has removed the device, or there is no `ip`: all anew, and nothing meanwhile.
        this.#withdraw();
        this.#problems = [`no VIP is announced: ${describeFailure(error)}`];
      })
      .finally(() => {
        this.#isBusy = false;
      });
  }

  /** At once, whatever else goes on: the device goes, and with it all routes. */
  #withdraw(): void {
    this.#routes?.close();
    this.#routes = undefined;
    this.#established = new Set();
  }
}

/** 0 if there is no such table. */
function targetsOf(table: string): number {
  try {
    return readTable(table, ({ fwmarks }) => fwmarks.length);
  } catch {
    return 0;
  }
}
