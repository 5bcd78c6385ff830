// The main thread of `nfqlb lb` and `flowlb`: opens all parts, watches tables, queues and workers, and closes everything at the end.

import { REASON_NAMES, Reason } from '@nfqlb/core';
import { DECIDED, FastReason, sumCounts } from '@nfqlb/fast-path';
import { readOwnQueues, type Tun } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { Access, formatSocketAddress } from '@nfqlb/protocol/sockets';
import type { Count, Counts } from '@nfqlb/protocol/status';
import { readTable } from '@nfqlb/protocol/tables';
import { Area, LogConfig, logConfigName } from '@nfqlb/protocol/trace';
import { KernelPath } from '../fast-path/kernel-path.js';
import { CompilerThread } from '../flows/compiler-thread.js';
import { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import { FragmentStatistics } from '../fragments/fragment-statistics.js';
import { openTun, openTunAgain } from '../fragments/reinjection.js';
import { lockWatchOf, shareFragments } from '../fragments/shared-fragments.js';
import { log, openLog } from '../log/log.js';
import { Control } from '../shared/control.js';
import { Counters } from '../shared/counters.js';
import { ChangeGate } from '../takeover/change-gate.js';
import { HandOver } from '../takeover/hand-over.js';
import { stateOf } from '../takeover/handed-state.js';
import { TakeOver } from '../takeover/take-over.js';
import { Tracing } from '../trace/tracing.js';
import { shareConnections } from '../transition/shared-connections.js';
import { Health } from '../watch/health.js';
import { ServiceManager } from '../watch/service-manager.js';
import { TableObserver } from '../watch/table-observer.js';
import { TargetWatch } from '../watch/target-watch.js';
import { TurnWatch } from '../watch/turn-watch.js';
import { Watcher } from '../watch/watcher.js';
import { bindQueues } from '../worker/queue-socket.js';
import type { Balancer, Companion } from './companion.js';
import { flowCommands } from './flow-commands.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';
import { Parts } from './parts.js';
import { PrivilegeDrop } from './privileges.js';
import { checkAddresses, closeHttp, Sockets } from './sockets.js';
import { StatusReport } from './status-report.js';
import { Workers } from './workers.js';

/** How often tables, workers and the kernel's counters are checked. */
const WATCH_INTERVAL_MS = 100;

/** Why it ended: it was told to, or another process has taken over from it. */
export type Ending = 'stopped' | 'taken over';

/** Balances load until SIGTERM or SIGINT, or a takeover. Rejects if the table does not exist, a queue is not available, or a worker fails. */
export async function balanceLoad(options: LoadBalancingOptions): Promise<Ending> {
  const parts = new Parts();
  try {
    const { ended, workers } = await start(options, parts);
    return await Promise.race([ended, workers.failed]);
  } finally {
    await parts.close();
  }
}

/** Opens all parts, and registers how to close each of them. Resolves when workers listen to all queues. */
async function start(options: LoadBalancingOptions, parts: Parts): Promise<{ readonly ended: Promise<Ending>; readonly workers: Workers }> {
  const { table, tier, queues, balancer } = options;
  const { first, last } = queues;
  const count = last - first + 1;
  const stopped = stopSignal();
  const logConfig = parts.add(await openLogs(options), (config) => config.close());
  checkAddresses(options);
  for (const warning of options.warnings) log.warning(warning);
  const access = new Access(options.access);
  const tables = [table, tier].flatMap((name) => (name === undefined ? [] : [describeTable(name)]));
  // Root may read tables of others, but does not use them, and says so: hence not before these were looked at.
  const privileges = new PrivilegeDrop(options);
  const before = options.takeover ? parts.add(await TakeOver.begin(options), (each) => each?.close()) : undefined;
  // Packets wait from here on, in queues that hold more of them than usual until the workers have caught up.
  const bound = before ? [] : bindQueues(queues, options.fragments);
  parts.add(bound, (all) => {
    for (const each of all) each.close();
  });
  // Added early, so closed late: that tells the other process that all is free.
  let handOver: HandOver | undefined;
  parts.add(undefined, () => handOver?.close());
  /** Interfaces at which a process that has taken over decides in the kernel. */
  let heir: readonly string[] | undefined;
  const tracing = parts.add(
    new Tracing({ access, firstQueue: first, workers: count, hashMode: balancer.hashMode ?? 1, table }, logConfig),
    (each) => each.close(),
  );

  const counters = new Counters(count);
  let isListening = false;
  let inKernel: Count | undefined;
  parts.add(counters, () => {
    if (isListening && !heir) log.notice(`stopped: ${describe(counters.sum(), inKernel)}`);
  });
  // One more for the main thread, which reads statistics and collects expired entries.
  const fragments = shareFragments(options.fragments, count + 1);
  const connections = shareConnections(options.connections);
  const state = stateOf(fragments, connections, counters);
  before?.readAhead(state);
  const tun = options.tun === undefined ? undefined : parts.add(await openDevice(options.tun, options, before), (each) => each.close());
  const statistics = parts.add(
    new FragmentStatistics(options.fragmentStatistics, fragments, count, (error) =>
      log.warning(`fragment statistics are not in shared memory, so C nfqlb's stats cannot read them: ${describeFailure(error)}`),
    ),
    (each) => each.close(),
  );
  if (!before) statistics.claim();

  // Its claim of the interfaces fails before any packet is handled.
  const claimed = before?.claims(options.fast?.interfaces ?? []);
  const fast =
    options.fast &&
    parts.add(new KernelPath({ ...options.fast, balancer, table, connections, claimed }), (each) => {
      inKernel = sumCounts(each.counts(), DECIDED_REASONS);
      each.close(heir);
    });
  const announce = (generation: FlowGeneration): void => {
    tracing.remember(generation);
    workers?.announce(generation);
  };
  let workers: Workers | undefined;
  const { flows: own } = options;
  const initial = own && { ...own, flows: before?.flows ?? own.flows };
  const flows = initial && new FlowControl({ workers: count, announce, compiler: new CompilerThread(), kernel: fast?.flows, ...initial });
  const observer = parts.add(new TableObserver(), (each) => each.close());
  const health = new Health(queues, options.queueLength, counters, lockWatchOf(fragments));
  let watcher: Watcher | undefined;
  let status: StatusReport | undefined;
  const metricsSource = {
    status: () => status?.now(),
    problems: () => health.problems,
    warnings: () => [...(watcher?.warnings ?? []), ...(fast?.warnings ?? []), ...(options.companion?.degradations.sentences ?? [])],
  };
  const sockets = new Sockets(options, access, before);
  const gate = new ChangeGate();
  const commands = flowCommands(flows?.handle, tracing, gate);
  const openMetrics = async (): Promise<void> => {
    if (options.metrics) parts.add(await sockets.openMetrics(options.metrics, metricsSource), closeHttp);
  };
  const openFlowCommands = async (): Promise<void> => {
    parts.add(await sockets.listenForFlowCommands(commands), (each) => each?.close());
  };
  // Before the workers, so that a bad address is reported before any packet is handled.
  const inheritsMetrics = options.metrics !== undefined && sockets.inheritsMetrics(options.metrics);
  if (!inheritsMetrics) await openMetrics();
  const isLateForFlows = before === undefined || sockets.inheritsFlowCommands;
  if (!isLateForFlows) await openFlowCommands();

  let isInCharge = before === undefined;
  const control = new Control();
  workers = parts.add(new Workers(options, { control, counters, fragments, connections, tun, flows, tracing }), (each) =>
    each.stop({ leave: heir !== undefined || !isInCharge }),
  );
  await workers.prepare(before?.queues ?? bound.map(({ fd }) => fd));
  before?.receive(state);
  await workers.listen(before !== undefined);
  before?.finish();
  for (const each of bound) each.close();
  isInCharge = true;
  isListening = true;
  if (inheritsMetrics) await openMetrics();
  if (isLateForFlows) await openFlowCommands();
  await sockets.listenForTraces(tracing);
  const atFirst = readOwnQueues(queues);
  health.look(atFirst, 0);
  status = parts.add(
    new StatusReport({ options, counters, statistics, connections, flows, kernel: fast, health, observer, privileges }),
    () => {
      status = undefined;
    },
  );
  const report = status;
  parts.add(await sockets.listenForStatus(() => report.now()), (each) => each?.close());
  if (before) {
    await before.ended();
    statistics.claim();
  }
  // Only now: the queues must be served already, for the packets that the kernel leaves to them.
  if (fast) await (flows?.firstDecision ? fast.take(flows.firstDecision) : fast.takeTable());
  privileges.settle();
  const about = `listening on ${describeQueues(queues)}, ${describeWork(options, tables)}`;
  log.notice(about);

  const { tun: device } = options;
  const identities = tables.map(({ name, identity }) => [name, identity] as const);
  const renew = (): void => {
    workers!.renewTables();
    fast?.renewTables();
  };
  watcher = new Watcher({ tier, tun: device, observer, flows, queues: atFirst ?? [], renew }, identities);
  const manager = ServiceManager.of(process.env, process.pid) ?? ServiceManager.inherited(before?.service);
  const tellAlive = (): void => manager?.look(about, health.problems, performance.now());
  // It is this one that the service manager watches now, however long it takes until all is set up.
  const beginning = before && setInterval(tellAlive, WATCH_INTERVAL_MS).unref();
  await accompany(options.companion, parts, () => heir !== undefined, {
    decideFor: async (vips) => {
      fast?.decideFor(vips);
      if (fast) await flows?.recompile();
    },
    problems: () => health.problems,
    status: () => status!.now(),
    inherited: before && { device: (name) => before.tun(name), isDrained: before.isDrained },
  });
  // What nobody wants to go on with is to go with the other process.
  before?.close();
  const targets = new TargetWatch(observer, (line) => tracing.tell(Area.Target, line));
  const turns = new TurnWatch(counters, first);
  // Added last, so closed first: it is told before anything else ends.
  clearInterval(beginning);
  parts.add(manager, (each) => each?.stopping());
  tellAlive();
  const watch = (): void => {
    const kernel = readOwnQueues(queues);
    watcher!.look(counters.sum(), kernel ?? []);
    turns.look();
    health.look(kernel, WATCH_INTERVAL_MS);
    tellAlive();
    fast?.look();
    statistics.publish();
    tracing.look();
    if (tracing.wants(Area.Target)) targets.look([...tables.map(({ name }) => name), ...(flows?.tables ?? [])]);
    else targets.forget();
  };
  const watching = parts.add(setInterval(watch, WATCH_INTERVAL_MS), clearInterval);

  const takenOver = new Promise<Ending>((resolve) => {
    handOver = new HandOver(
      {
        ...{ version: options.version, queues, workers: workers!, state, gate, manager },
        flowAddress: flows && formatSocketAddress(options.flowAddress),
        isDrained: () => options.companion?.announcement().drained ?? false,
        descriptors: () => [
          ...sockets.descriptors.map(([where, fd]) => [`listen ${where}`, fd] as const),
          ...(tun ? [[`tun ${tun.name}`, tun.fd] as const] : []),
          ...(options.companion?.devices() ?? []).map(([name, fd]) => [`tun ${name}`, fd] as const),
          ...Array.from(fast?.claims ?? [], ([name, fd]) => [`interface ${name}`, fd] as const),
        ],
      },
      (interfaces) => {
        heir = interfaces;
        sockets.close();
        clearInterval(watching);
        resolve('taken over');
      },
    );
  });
  parts.add(await sockets.listenForSuccessors((successor) => handOver!.serve(successor)), (each) => each?.close());
  options.ready?.();
  return { ended: Promise.race([stopped, takenOver]), workers };
}

/** The tun device of the process that is taken over from, or else a new one. */
async function openDevice(
  name: string,
  { takeover, fragments: { mtu } }: LoadBalancingOptions,
  before: TakeOver | undefined,
): Promise<Tun> {
  if (takeover && !before) return await openTunAgain(name, mtu);
  return openTun(name, mtu, before?.tun(name));
}

/** The log level is in shared memory. If that cannot be used, the load balancer starts nevertheless. */
async function openLogs({ command, logFormat }: LoadBalancingOptions): Promise<LogConfig> {
  let unusable: unknown;
  const config = new LogConfig(logConfigName(), (error) => {
    unusable = error;
  });
  await openLog(command, logFormat, () => config.level);
  if (unusable) log.warning(`log level and trace mask are the defaults: ${describeFailure(unusable)}; NFQLB_TRACE_SHM names another`);
  return config;
}

/** @throws if there is no such table */
function describeTable(name: string): { readonly name: string; readonly identity: string; readonly about: string } {
  return readTable(name, ({ M, N, fwmarks, ownFwmark }, { identity }) => {
    const own = ownFwmark > 0 ? `, own fwmark ${ownFwmark}` : '';
    return { name, identity, about: `M=${M}, N=${N}, ${fwmarks.length} targets${own}` };
  });
}

function describeQueues({ first, last }: LoadBalancingOptions['queues']): string {
  return first === last ? `queue ${first}` : `queues ${first} to ${last}`;
}

function describeWork(
  { flows, flowAddress }: LoadBalancingOptions,
  tables: readonly { readonly name: string; readonly about: string }[],
): string {
  const parts = tables.map(({ name, about }) => `table ${name} (${about})`);
  return [...parts, ...(flows ? [`flow commands at ${formatSocketAddress(flowAddress)}`] : [])].join(', ');
}

async function accompany(companion: Companion | undefined, parts: Parts, isTakenOver: () => boolean, balancer: Balancer): Promise<void> {
  if (!companion) return;
  // Also if it fails: it may have begun something.
  parts.add(companion, (each) => each.end(isTakenOver()));
  await companion.begin(balancer);
}

function stopSignal(): Promise<Ending> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('stopped'));
  });
}

/** Reasons of packets that were decided in the kernel. */
const DECIDED_REASONS = Object.values(FastReason).filter((reason) => reason < DECIDED);

function describe({ packets, batches, accepted, dropped, reinjected, verdictErrors }: Counts, inKernel: Count | undefined): string {
  const stored = dropped[Reason.FragmentStored]!;
  const reasons = (counts: readonly number[]): string =>
    counts.flatMap((count, reason) => (count > 0 ? [`${REASON_NAMES[reason]} ${count}`] : [])).join(', ') || 'none';
  return `${packets} packets in ${batches} batches; accepted: ${reasons(accepted)}; dropped: ${reasons(dropped.with(Reason.FragmentStored, 0))}; fragments stored: ${stored}, sent on: ${reinjected}; errors: ${verdictErrors}${inKernel ? `; decided in the kernel: ${inKernel.packets}` : ''}`;
}
