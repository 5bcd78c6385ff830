import type { BalancerOptions, FwmarkLookup } from '@nfqlb/core';
import type { FastPathCounts } from './counts.js';
import type { Decision } from './decision/index.js';

/** Where links are pinned by default: a folder in a BPF file system. */
export const FAST_PATH_FOLDER = '/sys/fs/bpf/nfqlb';

export interface FastPathOptions extends Pick<BalancerOptions, 'hashMode' | 'udpEncapPort' | 'noTargetsFwmark' | 'noFlowFwmark'> {
  /** Names of interfaces in this network namespace, at whose ingress packets are decided. */
  readonly interfaces: readonly string[];
  /** Folder in a BPF file system for pins. It is made if it does not exist. Default {@link FAST_PATH_FOLDER}. */
  readonly folder?: string;
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

/**
 * The fast path of one load balancer. Belongs to one thread; none of its methods waits for packets, but loading and attaching take milliseconds
 * (`take`: 2–50 ms).
 *
 * Nothing is decided before the first {@link take}. The program outlives this process, with its last state, unless {@link close} removes it.
 */
export class FastPath {
  /**
   * Claims the interfaces, so that no other load balancer has its program there.
   *
   * @throws `FastPathError` in one line: `not-supported`, `not-permitted`, `no-interface`, `no-bpffs`, `in-use`, `foreign`, `out-of-range` (an
   * interface twice, or none)
   */
  constructor(_options: FastPathOptions) {
    throw new Error('to follow');
  }

  /**
   * Decides by these flows and target tables from now on: loads program and maps beside the old ones, and switches each interface to them in one step.
   * What an earlier process left on an interface is replaced in the same step.
   *
   * @param tables indexed by {@link Decision.targets}; `undefined` for a missing table. Each lookup must be this object's own: refreshed here only.
   * @throws `FastPathError` `rejected`, `out-of-memory`, `not-permitted`, `not-supported`, `failed`: then everything is as before. A failure at one
   * interface is not thrown: see {@link interfaces}
   */
  take(_decision: Decision, _tables: readonly (FwmarkLookup | undefined)[]): void {
    throw new Error('to follow');
  }

  /**
   * Adopts changes of the target tables since the last call. Without changes it costs what `FwmarkLookup.refresh` costs, about N loads a table.
   *
   * @param tables as for {@link take}: other lookups for tables that were replaced, `undefined` for those that are gone
   * @returns whether anything had changed
   */
  refresh(_tables: readonly (FwmarkLookup | undefined)[]): boolean {
    throw new Error('to follow');
  }

  /** Attaches again what has lost its interface, if that is back. Call it now and then (some system calls). */
  look(): readonly InterfaceState[] {
    throw new Error('to follow');
  }

  /** As the last {@link take} or {@link look} found them. */
  get interfaces(): readonly InterfaceState[] {
    throw new Error('to follow');
  }

  counts(): FastPathCounts {
    throw new Error('to follow');
  }

  /** Drops a flow's counts, if it was deleted: defined again, it counts from 0. */
  forgetFlow(_name: string): void {
    throw new Error('to follow');
  }

  /** Octets of kernel memory that the maps take. */
  get memory(): number {
    throw new Error('to follow');
  }

  /** @param keep leaves the program where it is, deciding by its last state, for the next process; otherwise it is removed */
  close(_options: { readonly keep: boolean }): void {
    throw new Error('to follow');
  }
}
