import type { FastPathCounts } from '@nfqlb/fast-path';
import { type KernelQueue, machineTime, readOwnQueues } from '@nfqlb/native';
import { formatSocketAddress } from '@nfqlb/protocol/sockets';
import { type Count, type DecisionOptions, STATUS_FORMAT, type Status, type TargetStatus } from '@nfqlb/protocol/status';
import type { KernelPath } from '../fast-path/kernel-path.js';
import type { FlowControl } from '../flows/flow-control.js';
import type { FragmentStatistics } from '../fragments/fragment-statistics.js';
import type { Counters } from '../shared/counters.js';
import { connectionSetOf, type SharedConnections } from '../transition/shared-connections.js';
import type { Health } from '../watch/health.js';
import type { TableObserver } from '../watch/table-observer.js';
import { TableStates } from '../watch/table-states.js';
import type { Companion } from './companion.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';
import type { PrivilegeDrop } from './privileges.js';

/** Data sources of a report. */
export interface StatusSources {
  readonly options: LoadBalancingOptions;
  readonly counters: Counters;
  readonly statistics: FragmentStatistics;
  readonly connections: SharedConnections;
  readonly flows: FlowControl | undefined;
  /** What is decided in the kernel. */
  readonly kernel: KernelPath | undefined;
  readonly health: Health;
  readonly observer: TableObserver;
  readonly privileges: PrivilegeDrop;
}

/**
 * A report is reused for this long, or for this many times as long as it took to make, whichever is longer. So many clients cost no more than
 * one, and thousands of tables no more than a sixth of the main thread's time.
 */
const REUSE_MS = 100;
const REUSE_FACTOR = 5;

/** How long a target that is no longer in any table is reported after its last packet. */
const INACTIVE_TARGET_MS = 300_000;

/** Reports what the load balancer does. Belongs to the main thread. */
export class StatusReport {
  readonly #sources: StatusSources;
  readonly #tables: TableStates;
  /** By fwmark: the packet count in the last report, and when it last changed. */
  readonly #seen = new Map<number, { packets: number; at: number }>();
  #last: Status | undefined;
  /** Until when the last report is reused. */
  #reuseUntil = 0;

  constructor(sources: StatusSources) {
    this.#sources = sources;
    this.#tables = new TableStates(sources.observer);
  }

  /** The current status, or a recent one. */
  now(): Status {
    const now = machineTime();
    if (this.#last === undefined || now >= this.#reuseUntil) {
      this.#last = this.#make(now);
      const made = machineTime();
      this.#reuseUntil = made + Math.max(REUSE_MS, REUSE_FACTOR * (made - now));
    }
    return this.#last;
  }

  #make(now: number): Status {
    const { options, counters, statistics, connections, flows, kernel, health, privileges } = this.#sources;
    const tables = this.#tables.look(this.#tableNames());
    const inKernel = kernel?.counts();
    const { targets, others } = withKernel(counters.targets(), inKernel);
    const sum = counters.sum();
    return {
      format: STATUS_FORMAT,
      version: options.version,
      command: options.command,
      pid: process.pid,
      uptime: process.uptime(),
      problems: health.problems,
      privileges: privileges.status(),
      ...companionStatus(options.companion),
      queues: this.#queues(),
      options: decisionOptions(options),
      targets: this.#current(targets, now),
      otherTargets: others,
      ...(flows ? { flows: flows.matched(inKernel?.flows), flowChanges: flows.newest.number - 1, flowsDigest: flows.digest } : {}),
      ...(kernel && { fastPath: kernel.status(inKernel!) }),
      tables,
      connections: connectionSetOf(connections).counts,
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
      const sinceDrop = health.sinceDrop(worker);
      return {
        queue: first + worker,
        length: options.queueLength,
        bound: health.isBound(worker),
        waiting: seen?.waiting ?? 0,
        queueDropped: seen?.queueDropped ?? 0,
        socketDropped: seen?.socketDropped ?? 0,
        stalled: health.stalled(worker),
        ...(sinceDrop !== undefined && { sinceDrop }),
        counts: counters.of(worker),
      };
    });
  }

  /** Targets that are active, or got a packet recently. */
  #current(counts: ReturnType<Counters['targets']>['targets'], now: number): TargetStatus[] {
    const { active } = this.#tables;
    for (const [fwmark, { packets }] of counts) {
      if (this.#seen.get(fwmark)?.packets !== packets) this.#seen.set(fwmark, { packets, at: now });
    }
    const recent = [...counts.keys()].filter((fwmark) => now - this.#seen.get(fwmark)!.at < INACTIVE_TARGET_MS);
    return [...new Set([...active, ...recent])]
      .sort((a, b) => a - b)
      .map((fwmark) => ({ packets: 0, octets: 0, ...counts.get(fwmark), fwmark, active: active.has(fwmark) }));
  }
}

function companionStatus(
  companion: Companion | undefined,
): Pick<Status, 'degradations' | 'file' | 'keepsSetUp' | 'health' | 'announcement' | 'tier'> {
  if (!companion) return {};
  const { degradations, file, keepsSetUp } = companion;
  return {
    degradations: degradations.all,
    file,
    keepsSetUp,
    health: companion.health(),
    announcement: companion.announcement(),
    tier: companion.tier(),
  };
}

type CountedTargets = ReturnType<Counters['targets']>;

/** Adds the packets that the kernel marked. */
function withKernel({ targets, others }: CountedTargets, kernel: FastPathCounts | undefined): CountedTargets {
  if (!kernel) return { targets, others };
  const sum = (a: Count | undefined, b: Count): Count => ({ packets: (a?.packets ?? 0) + b.packets, octets: (a?.octets ?? 0) + b.octets });
  for (const [fwmark, count] of kernel.targets) targets.set(fwmark, sum(targets.get(fwmark), count));
  return { targets, others: sum(others, kernel.others) };
}

function decisionOptions({ table, tier, tun, balancer, flows, flowAddress, fragments }: LoadBalancingOptions): DecisionOptions {
  const { hashMode = 1, noTargetsFwmark = -1, noFlowFwmark = -1, udpEncapPort = 0, drainsOthers = false } = balancer;
  return {
    ...(table !== undefined && { table }),
    ...(flows && { flowAddress: formatSocketAddress(flowAddress) }),
    ...(tier !== undefined && { tier }),
    ...{ hashMode, noTargetsFwmark, noFlowFwmark, udpEncapPort },
    promiscuousPing: flows?.promiscuousPing ?? false,
    ...(tun !== undefined && { tun }),
    mtu: fragments.mtu,
    drainsOthers,
  };
}
