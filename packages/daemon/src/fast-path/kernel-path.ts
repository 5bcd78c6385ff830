import type { BalancerOptions } from '@nfqlb/core';
import { type Cidr, formatCidr } from '@nfqlb/core/address';
import {
  compileTable,
  type Decision,
  FAST_REASON_NAMES,
  FastPath,
  type FastPathCounts,
  FastPathError,
  type InterfaceState,
} from '@nfqlb/fast-path';
import type { FastPathStatus } from '@nfqlb/protocol/status';
import { ChangeNotices } from '@nfqlb/protocol/tables';
import type { KernelFlows } from '../flows/flow-publisher.js';
import { log } from '../log/log.js';
import { connectionSetOf, type SharedConnections } from '../transition/shared-connections.js';
import type { FastPathChoice } from './fast-path-choice.js';
import { KernelTables } from './kernel-tables.js';

/**
 * How often target tables are looked at: C nfqlb gives no notice of a change. If looking takes long, because there are many, it is done less often,
 * so that it takes no more than a part in {@link REST} of the thread's time.
 */
const POLL_INTERVAL_MS = 10;
const REST = 20;

/** What keeps the fast path from working, but not the load balancer. The others are mistakes in the command. */
const DISPENSABLE: readonly string[] = ['not-supported', 'not-permitted', 'rejected', 'no-bpffs', 'out-of-memory', 'failed'];

export interface KernelPathOptions extends FastPathChoice {
  readonly balancer: BalancerOptions;
  /** Shared-memory name of the target table of all packets; absent with flows, which have their own. */
  readonly table: string | undefined;
  readonly connections: SharedConnections;
  /** Claims of interfaces by the process that is taken over from. */
  readonly claimed?: ReadonlyMap<string, number> | undefined;
}

const NO_COUNTS: FastPathCounts = {
  reasons: FAST_REASON_NAMES.map(() => ({ packets: 0, octets: 0 })),
  targets: new Map(),
  others: { packets: 0, octets: 0 },
  flows: new Map(),
};

/**
 * Keeps the kernel's program in step with flows, target tables and interfaces. Belongs to the main thread. If the program cannot be used, it says so, and
 * all packets go through the queue.
 */
export class KernelPath {
  readonly #options: KernelPathOptions;
  #vips: readonly Cidr[];
  readonly #tables: KernelTables;
  readonly #notices: ChangeNotices;
  #fast: FastPath | undefined;
  /** Why there is no program. */
  #trouble: string | undefined;
  /** What the program decides by, and what it is to decide by next. */
  #inForce: Decision | undefined;
  #wanted: Decision | undefined;
  #taking: Promise<void> | undefined;
  #poll: NodeJS.Timeout | undefined;
  #states = new Map<string, string>();

  /** @throws `FastPathError` for a mistake in the command: an interface that does not exist, or has another load balancer's program */
  constructor(options: KernelPathOptions) {
    this.#options = options;
    this.#vips = options.vips;
    this.#tables = new KernelTables(connectionSetOf(options.connections));
    this.#fast = this.#open();
    this.#notices = new ChangeNotices((name) => this.#changed(name));
  }

  /** Decides by the target table. */
  takeTable(): Promise<void> {
    return this.take(compileTable(this.#vips));
  }

  /** Which destinations to decide for, from the next decision on. */
  decideFor(vips: readonly Cidr[]): void {
    this.#vips = vips;
  }

  /** Resolves when the kernel decides by this, or by something newer; or does not decide. */
  async take(decision: Decision): Promise<void> {
    this.#wanted = decision;
    this.#taking ??= this.#takeWanted().finally(() => {
      this.#taking = undefined;
    });
    await this.#taking;
  }

  /** Looks for interfaces that have gone or come back. */
  look(): void {
    if (this.#fast && this.#inForce) this.#tell(this.#fast.look());
  }

  /** Called when any table may have been replaced. */
  renewTables(): void {
    this.#changed(undefined);
  }

  /** For flows, which are compiled for it. */
  get flows(): KernelFlows {
    const vips = (): readonly Cidr[] => this.#vips;
    return {
      get vips() {
        return vips();
      },
      take: (decision) => this.take(decision),
      counts: () => this.counts().flows,
      forget: (flow) => this.#fast?.forgetFlow(flow),
      unfit: (flow) => this.#inForce?.unfit.find(({ name }) => name === flow)?.why,
    };
  }

  /** Descriptors of the claims of its interfaces, to pass them to another process. */
  get claims(): ReadonlyMap<string, number> {
    return this.#fast?.claims ?? new Map();
  }

  counts(): FastPathCounts {
    return this.#fast && this.#inForce ? this.#fast.counts() : NO_COUNTS;
  }

  /** What keeps packets from being decided in the kernel, one sentence each. They lose nothing but speed. */
  get warnings(): string[] {
    if (this.#trouble !== undefined) return [`fast path: ${this.#trouble}`];
    return (this.#fast?.interfaces ?? []).flatMap((state) => (state.state === 'attached' ? [] : [describe(state)]));
  }

  status(counts: FastPathCounts): FastPathStatus {
    return {
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      vips: this.#vips.map(formatCidr),
      interfaces: (this.#fast?.interfaces ?? []).map(({ name, state, by, problem }) => ({
        ...{ name, state },
        ...(by !== undefined && { by }),
        ...(problem !== undefined && { problem }),
      })),
      memory: this.#fast?.memory ?? 0,
      reasons: counts.reasons,
      unfit: (this.#inForce?.unfit ?? []).map(({ name, why }) => ({ name, why })),
    };
  }

  /** @param heir names of the interfaces at which the program stays, for a process that has taken over; default: at all or none, as an option says */
  close(heir?: readonly string[]): void {
    clearTimeout(this.#poll);
    this.#notices.close();
    // If it has taken nothing yet, what is there is an earlier program's, which the next one takes over.
    this.#fast?.close({ keep: heir ?? (this.#options.keep || this.#inForce === undefined) });
    this.#fast = undefined;
    this.#inForce = undefined;
    this.#tables.close();
  }

  #open(): FastPath | undefined {
    const { interfaces, balancer, claimed } = this.#options;
    const { hashMode = 1, udpEncapPort = 0, noTargetsFwmark = -1, noFlowFwmark = -1 } = balancer;
    try {
      const fast = new FastPath({ interfaces, hashMode, udpEncapPort, noTargetsFwmark, noFlowFwmark, ...(claimed && { claimed }) });
      this.#trouble = undefined;
      return fast;
    } catch (error) {
      if (!(error instanceof FastPathError && DISPENSABLE.includes(error.code))) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  async #takeWanted(): Promise<void> {
    for (let decision = this.#wanted; decision; decision = this.#wanted) {
      const { table } = this.#options;
      await this.#tables.use(table === undefined ? decision.targets : [table]);
      if (this.#wanted === decision) this.#wanted = undefined;
      this.#fast ??= this.#retry();
      if (this.#fast) this.#takeInto(this.#fast, decision);
    }
  }

  #takeInto(fast: FastPath, decision: Decision): void {
    try {
      fast.take(decision, this.#tables.lookups);
      this.#tellUnfit(decision);
      this.#inForce = decision;
      this.#tell(fast.interfaces);
      this.#poll ??= setTimeout(() => this.#pollTables(), POLL_INTERVAL_MS);
    } catch (error) {
      this.#abandon(fast, error);
    }
  }

  /** Removes the program: it would go on deciding by what is no longer in force. */
  #abandon(fast: FastPath, error: unknown): void {
    if (!(error instanceof FastPathError)) throw error;
    fast.close({ keep: false });
    this.#fast = undefined;
    this.#inForce = undefined;
    this.#fail(error);
  }

  /** After a failure, each change of flows is an occasion to try again. */
  #retry(): FastPath | undefined {
    try {
      return this.#open();
    } catch (error) {
      if (!(error instanceof FastPathError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #fail({ message, log: lines }: FastPathError): void {
    if (message !== this.#trouble) {
      log.warning(`no fast path: ${message}; all packets go through the queue`);
      for (const line of lines) log.warning(`the kernel's verifier: ${line}`);
    }
    this.#trouble = message;
  }

  #pollTables(): void {
    const begin = performance.now();
    this.#tables.repair();
    this.#refresh();
    const pause = Math.max(POLL_INTERVAL_MS, REST * (performance.now() - begin));
    this.#poll = setTimeout(() => this.#pollTables(), pause);
  }

  #changed(name: string | undefined): void {
    if (this.#inForce === undefined) return;
    this.#tables.examine(name);
    this.#refresh();
  }

  #refresh(): void {
    // While a new decision is being prepared, the tables are those of neither.
    if (this.#taking !== undefined || this.#fast === undefined) return;
    try {
      this.#fast.refresh(this.#tables.lookups);
    } catch (error) {
      this.#abandon(this.#fast, error);
    }
  }

  /** Logs each change of an interface once. */
  #tell(states: readonly InterfaceState[]): void {
    for (const state of states) {
      const words = describe(state);
      if (this.#states.get(state.name) === words) continue;
      this.#states.set(state.name, words);
      if (state.state === 'attached') log.notice(words);
      else log.warning(`${words}; its packets go through the queue`);
    }
  }

  /** Logs flows that have come to be left to the queue. */
  #tellUnfit({ unfit }: Decision): void {
    const before = new Set(this.#inForce?.unfit.map(({ name }) => name));
    const more = unfit.filter(({ name }) => !before.has(name));
    if (more.length === 0) return;
    const shown = more.slice(0, MAX_SHOWN).map(({ name, why }) => `${name} (${WHY_UNFIT[why]})`);
    const rest = more.length > MAX_SHOWN ? ` and ${more.length - MAX_SHOWN} more` : '';
    log.notice(`fast path: packets of these flows go through the queue, or some of them: ${shown.join(', ')}${rest}`);
  }
}

/** Flows named in one line of the log. */
const MAX_SHOWN = 10;

const WHY_UNFIT: Readonly<Record<Decision['unfit'][number]['why'], string>> = {
  match: 'it has a byte match',
  udpencap: 'its SCTP is in UDP',
  room: 'it overlaps with too many others',
};

function describe({ name, state, by, adopted, problem }: InterfaceState): string {
  if (state === 'attached') return `fast path: ${name}: ${adopted ? 'taken over from an earlier program' : 'attached'} (${by})`;
  return `fast path: ${name}: ${problem ?? (state === 'missing' ? 'there is no such interface' : 'not attached')}`;
}
