import type { BalancerOptions, FwmarkLookup } from '@nfqlb/core';
import { Attachment } from './attachment.js';
import { type Count, type FastPathCounts, plus, ZERO } from './counts.js';
import type { Decision } from './decision/index.js';
import { FastPathError } from './fast-path-error.js';
import { FAST_REASON_NAMES } from './fast-reason.js';
import { Generation, type Settings } from './generation.js';
import { requireCapabilities } from './kernel/system-error.js';
import { FAST_PATH_FOLDER, openFolder } from './pins.js';
import { OTHERS } from './target-counters.js';

export interface FastPathOptions extends Pick<BalancerOptions, 'hashMode' | 'udpEncapPort' | 'noTargetsFwmark' | 'noFlowFwmark'> {
  /** Names of interfaces in this network namespace, at whose ingress packets are decided. */
  readonly interfaces: readonly string[];
  /** Folder in a BPF file system for pins. It is made if it does not exist. Default {@link FAST_PATH_FOLDER}. */
  readonly folder?: string;
  /** Another process's claims by name of the interface ({@link FastPath.claims}), to go on with them. Default: claims the interfaces itself. */
  readonly claimed?: ReadonlyMap<string, number>;
  /** Attach by clsact even if the kernel has TCX. Default: by clsact only if it does not. */
  readonly by?: 'clsact';
}

/** How one interface is. */
export interface InterfaceState {
  readonly name: string;
  /** `attached`: packets are decided. `missing`: there is no such interface (now). `failed`: see `problem`. */
  readonly state: 'attached' | 'missing' | 'failed';
  /** `tcx` (Linux 6.6 and later), or `clsact` with the program tc; `undefined` unless attached. */
  readonly by: 'tcx' | 'clsact' | undefined;
  /** Whether the program of an earlier process was found there and replaced, without a packet passing undecided. */
  readonly adopted: boolean;
  /** One line: what failed and what to do. */
  readonly problem: string | undefined;
}

/** A generation's last packets have passed this long after its program was replaced, even on a virtual CPU that was not scheduled. */
const RETIRED_MS = 1000;

/**
 * The fast path of one load balancer. Belongs to one thread; none of its methods waits for packets, but loading and attaching take milliseconds
 * (`take`: 2–50 ms).
 *
 * Nothing is decided before the first {@link take}. The program outlives this process, with its last state, unless {@link close} removes it.
 */
export class FastPath {
  readonly #settings: Settings;
  readonly #folder: string;
  readonly #by: 'clsact' | undefined;
  /** By name of the interface, in the given order. */
  readonly #attachments = new Map<string, Attachment | undefined>();
  readonly #states = new Map<string, InterfaceState>();
  #generation: Generation | undefined;
  #retiring: { readonly generation: Generation; readonly until: number }[] = [];
  readonly #reasons: Count[] = FAST_REASON_NAMES.map(() => ZERO);
  readonly #targets = new Map<number, Count>();
  readonly #flows = new Map<string, Count>();

  /**
   * Claims the interfaces, so that no other load balancer has its program there.
   *
   * @throws `FastPathError` in one line: `not-supported`, `not-permitted`, `no-interface`, `no-bpffs`, `in-use`, `foreign`, `out-of-range` (an
   * interface twice, or none)
   */
  constructor({ interfaces, folder = FAST_PATH_FOLDER, by, claimed, ...settings }: FastPathOptions) {
    const { hashMode = 1, udpEncapPort = 0, noTargetsFwmark = -1, noFlowFwmark = -1 } = settings;
    this.#settings = { hashMode, udpEncapPort, noTargetsFwmark, noFlowFwmark };
    this.#folder = folder;
    this.#by = by;
    if (interfaces.length === 0) throw new FastPathError('out-of-range', 'the fast path needs the name of at least one interface');
    const twice = interfaces.find((name, i) => interfaces.indexOf(name) !== i);
    if (twice !== undefined) throw new FastPathError('out-of-range', `${twice}: named twice for the fast path; once is enough`);
    requireCapabilities();
    openFolder(folder);
    try {
      for (const name of interfaces) this.#attachments.set(name, new Attachment(name, folder, by, claimed?.get(name)));
    } catch (error) {
      for (const attachment of this.#attachments.values()) attachment?.leave();
      throw error;
    }
  }

  /**
   * Decides by these flows and target tables from now on: loads program and maps beside the old ones, and switches each interface to them in one step.
   * What an earlier process left on an interface is replaced in the same step.
   *
   * @param tables indexed by {@link Decision.targets}; `undefined` for a missing table. Each lookup must be this object's own: refreshed here only.
   * @throws `FastPathError` `rejected`, `out-of-memory`, `not-permitted`, `not-supported`, `failed`: then everything is as before. A failure at one
   * interface is not thrown, unless the first call fails at all of them: it leaves that interface without a program, see {@link interfaces}
   */
  take(decision: Decision, tables: readonly (FwmarkLookup | undefined)[]): void {
    const next = new Generation(decision, tables, this.#settings);
    const errors: unknown[] = [];
    for (const [name, attachment] of this.#attachments) {
      if (attachment === undefined) continue;
      try {
        attachment.update(next.program);
        this.#states.set(name, attached(attachment));
      } catch (error) {
        errors.push(error);
        this.#states.set(name, failed(name, error));
      }
    }
    const before = this.#generation;
    if (before === undefined && errors.length === this.#attachments.size) {
      next.close();
      throw errors[0];
    }
    // What is there decides by what is no longer in force. `look` tries again.
    for (const { name } of this.interfaces.filter(({ state }) => state !== 'attached')) {
      this.#attachments.get(name)?.remove();
      this.#attachments.set(name, undefined);
    }
    this.#generation = next;
    if (before !== undefined) this.#retiring.push({ generation: before, until: performance.now() + RETIRED_MS });
    this.#retire();
  }

  /**
   * Adopts changes of the target tables since the last call. Without changes it costs what `FwmarkLookup.refresh` costs, about N loads a table.
   *
   * @param tables as for {@link take}: other lookups for tables that were replaced, `undefined` for those that are gone
   * @returns whether anything had changed
   * @throws as {@link take}, if a table has come or grown so that all have to be loaded again
   */
  refresh(tables: readonly (FwmarkLookup | undefined)[]): boolean {
    if (this.#generation === undefined) return false;
    const result = this.#generation.refresh(tables);
    if (result === 'full') this.take(this.#generation.decision, tables);
    return result !== 'same';
  }

  /** Attaches again what has lost its interface, if that is back. Call it now and then (some system calls). */
  look(): readonly InterfaceState[] {
    if (this.#generation !== undefined) {
      for (const name of this.#attachments.keys()) this.#lookAt(name, this.#generation.program);
      this.#retire();
    }
    return this.interfaces;
  }

  /** Descriptors by name of the interface, to pass the claims to another process. */
  get claims(): ReadonlyMap<string, number> {
    return new Map([...this.#attachments].flatMap(([name, attachment]) => (attachment ? [[name, attachment.claim] as const] : [])));
  }

  /** As the last {@link take} or {@link look} found them. */
  get interfaces(): readonly InterfaceState[] {
    return [...this.#states.values()];
  }

  counts(): FastPathCounts {
    this.#retire();
    const reasons = [...this.#reasons];
    const targets = new Map(this.#targets);
    const flows = new Map(this.#flows);
    for (const generation of this.#generations()) addCounts(generation, reasons, targets, flows);
    const others = targets.get(OTHERS) ?? ZERO;
    targets.delete(OTHERS);
    return { reasons, targets, others, flows };
  }

  /** Drops a flow's counts, if it was deleted: defined again, it counts from 0. Call it after {@link take}. */
  forgetFlow(name: string): void {
    this.#flows.delete(name);
    for (const { generation } of this.#retiring) generation.forgetFlow(name);
  }

  /** Octets of kernel memory that the maps take. */
  get memory(): number {
    return this.#generations().reduce((sum, generation) => sum + generation.memory, 0);
  }

  /**
   * @param keep leaves the program where it is, deciding by its last state, for the next process, at all or some interfaces; otherwise it is removed, even
   * one of an earlier process that {@link take} has not replaced
   */
  close({ keep }: { readonly keep: boolean | readonly string[] }): void {
    for (const [name, attachment] of this.#attachments) {
      if (keep === true || (keep !== false && keep.includes(name))) attachment?.leave();
      else attachment?.remove();
    }
    this.#attachments.clear();
    this.#states.clear();
    for (const generation of this.#generations()) generation.close();
    this.#generation = undefined;
    this.#retiring = [];
  }

  #generations(): Generation[] {
    return [...this.#retiring.map(({ generation }) => generation), ...(this.#generation === undefined ? [] : [this.#generation])];
  }

  #lookAt(name: string, program: number): void {
    let attachment = this.#attachments.get(name);
    if (attachment?.isThere && attachment.by !== undefined) return;
    try {
      // If it was moved to another network namespace, the program went along.
      if (attachment !== undefined && !attachment.isThere) {
        this.#attachments.set(name, undefined);
        attachment.remove();
        attachment = undefined;
      }
      attachment ??= new Attachment(name, this.#folder, this.#by);
      this.#attachments.set(name, attachment);
      attachment.update(program);
      this.#states.set(name, attached(attachment));
    } catch (error) {
      this.#states.set(name, failed(name, error));
    }
  }

  /** Adds up the counts of generations that no packet uses any more, and frees their memory. */
  #retire(): void {
    const now = performance.now();
    for (const { generation } of this.#retiring.filter(({ until }) => until <= now)) {
      addCounts(generation, this.#reasons, this.#targets, this.#flows);
      generation.close();
    }
    this.#retiring = this.#retiring.filter(({ until }) => until > now);
  }
}

function addCounts(generation: Generation, reasons: Count[], targets: Map<number, Count>, flows: Map<string, Count>): void {
  generation.reasons().forEach((count, reason) => {
    reasons[reason] = plus(reasons[reason]!, count);
  });
  for (const [fwmark, count] of generation.targets()) targets.set(fwmark, plus(targets.get(fwmark) ?? ZERO, count));
  for (const [name, count] of generation.flows()) flows.set(name, plus(flows.get(name) ?? ZERO, count));
}

function attached({ name, by, adopted }: Attachment): InterfaceState {
  return { name, state: 'attached', by, adopted, problem: undefined };
}

function failed(name: string, error: unknown): InterfaceState {
  if (!(error instanceof FastPathError)) throw error;
  const state = error.code === 'no-interface' ? 'missing' : 'failed';
  return { name, state, by: undefined, adopted: false, problem: error.message };
}
