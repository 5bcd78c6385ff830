import { type KernelQueue, readOwnQueues } from '@nfqlb/native';
import { STATUS_FORMAT, type Status, type TargetStatus } from '@nfqlb/protocol/status';
import type { FlowControl } from '../flows/flow-control.js';
import type { FragmentStatistics } from '../fragments/fragment-statistics.js';
import { monotonicNow } from '../fragments/monotonic-clock.js';
import type { Counters } from '../shared/counters.js';
import type { Health } from '../watch/health.js';
import type { TableObserver } from '../watch/table-observer.js';
import { TableStates } from '../watch/table-states.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** What a report is made from. */
export interface StatusSources {
  readonly options: LoadBalancingOptions;
  readonly counters: Counters;
  readonly statistics: FragmentStatistics;
  readonly flows: FlowControl | undefined;
  readonly health: Health;
  readonly observer: TableObserver;
}

/**
 * How old a report may be that is given again, in milliseconds; and how many times as old as it took to make. So many askers cost no more
 * than one, and thousands of tables no more than a sixth of the main thread's time.
 */
const FRESH = 100;
const EFFORT = 5;

/** How long a target that is in no table any more is reported on after its last packet, in milliseconds. */
const REMEMBERED = 300_000;

/** Reports what the load balancer does. The main thread's. */
export class StatusReport {
  readonly #sources: StatusSources;
  readonly #tables: TableStates;
  /** By fwmark: how many packets it had when last looked at, and when that had changed. */
  readonly #seen = new Map<number, { packets: number; at: number }>();
  #last: Status | undefined;
  /** When the last one is too old. */
  #stale = 0;

  constructor(sources: StatusSources) {
    this.#sources = sources;
    this.#tables = new TableStates(sources.observer);
  }

  /** The status now, or not long ago. */
  now(): Status {
    const now = monotonicNow();
    if (this.#last === undefined || now >= this.#stale) {
      this.#last = this.#make(now);
      const made = monotonicNow();
      this.#stale = made + Math.max(FRESH, EFFORT * (made - now));
    }
    return this.#last;
  }

  #make(now: number): Status {
    const { options, counters, statistics, flows, health } = this.#sources;
    const tables = this.#tables.look(this.#tableNames());
    const { targets, others } = counters.targets();
    const sum = counters.sum();
    return {
      format: STATUS_FORMAT,
      version: options.version,
      command: options.command,
      pid: process.pid,
      uptime: process.uptime(),
      problems: health.problems,
      queues: this.#queues(),
      targets: this.#current(targets, now),
      otherTargets: others,
      ...(flows ? { flows: flows.matched(), flowChanges: flows.newest.number - 1 } : {}),
      tables,
      fragments: { ...statistics.read(), reinjected: sum.reinjected, notReinjected: sum.notReinjected },
    };
  }

  #tableNames(): Set<string> {
    const { options, flows } = this.#sources;
    const named = [options.table, options.tier].filter((name) => name !== undefined);
    return new Set([...named, ...(flows?.tables ?? [])]);
  }

  #queues(): Status['queues'] {
    const { options, counters, health } = this.#sources;
    const { first, last } = options.queues;
    const kernel = readOwnQueues(options.queues) ?? [];
    return Array.from({ length: last - first + 1 }, (_, worker) => {
      const seen: KernelQueue | undefined = kernel.find(({ queue }) => queue === first + worker);
      return {
        queue: first + worker,
        length: options.queueLength,
        bound: health.isBound(worker),
        waiting: seen?.waiting ?? 0,
        queueDropped: seen?.queueDropped ?? 0,
        socketDropped: seen?.socketDropped ?? 0,
        stalled: health.stalled(worker),
        counts: counters.of(worker),
      };
    });
  }

  /** Those that are active, or got a packet not long ago. */
  #current(counts: ReturnType<Counters['targets']>['targets'], now: number): TargetStatus[] {
    const { active } = this.#tables;
    for (const [fwmark, { packets }] of counts) {
      if (this.#seen.get(fwmark)?.packets !== packets) this.#seen.set(fwmark, { packets, at: now });
    }
    const recent = [...counts.keys()].filter((fwmark) => now - this.#seen.get(fwmark)!.at < REMEMBERED);
    return [...new Set([...active, ...recent])]
      .sort((a, b) => a - b)
      .map((fwmark) => ({ packets: 0, octets: 0, ...counts.get(fwmark), fwmark, active: active.has(fwmark) }));
  }
}
