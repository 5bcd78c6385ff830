// The main thread of `nfqlb lb` and `flowlb`: opens all parts, watches tables, queues and workers, and closes everything at the end.

import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { REASON_NAMES, Reason } from '@nfqlb/core';
import { DECIDED, FastReason, sumCounts } from '@nfqlb/fast-path';
import { readOwnQueues } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { FLOW_DANGER, type FlowHandler, serveFlows } from '@nfqlb/protocol/flow';
import { Access, formatSocketAddress, refuseWildcard } from '@nfqlb/protocol/sockets';
import type { Count, Counts } from '@nfqlb/protocol/status';
import { serveStatus } from '@nfqlb/protocol/status';
import { readTable } from '@nfqlb/protocol/tables';
import { Area, DEFAULT_TRACE_ADDRESS, LogConfig, logConfigName, TRACE_DANGER } from '@nfqlb/protocol/trace';
import { KernelPath } from '../fast-path/kernel-path.js';
import { CompilerThread } from '../flows/compiler-thread.js';
import { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import { FragmentStatistics } from '../fragments/fragment-statistics.js';
import { openTun } from '../fragments/reinjection.js';
import { lockWatchOf, shareFragments } from '../fragments/shared-fragments.js';
import { log, openLog } from '../log/log.js';
import type { MetricsAddress } from '../metrics/metrics-address.js';
import type { MetricsSource } from '../metrics/metrics-server.js';
import { Control } from '../shared/control.js';
import { Counters } from '../shared/counters.js';
import { Tracing } from '../trace/tracing.js';
import { shareConnections } from '../transition/shared-connections.js';
import { Health } from '../watch/health.js';
import { ServiceManager } from '../watch/service-manager.js';
import { TableObserver } from '../watch/table-observer.js';
import { TargetWatch } from '../watch/target-watch.js';
import { TurnWatch } from '../watch/turn-watch.js';
import { Watcher } from '../watch/watcher.js';
import type { Balancer, Companion } from './companion.js';
import { flowCommands } from './flow-commands.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';
import { Parts } from './parts.js';
import { StatusReport } from './status-report.js';
import { Workers } from './workers.js';

/** How often tables, workers and the kernel's counters are checked. */
const WATCH_INTERVAL_MS = 100;

/** Balances load until SIGTERM or SIGINT. Rejects if the table does not exist, a queue is not available, or a worker fails. */
export async function balanceLoad(options: LoadBalancingOptions): Promise<void> {
  const parts = new Parts();
  try {
    const { stopped, workers } = await start(options, parts);
    await Promise.race([stopped, workers.failed]);
  } finally {
    await parts.close();
  }
}

/** Opens all parts, and registers how to close each of them. Resolves when workers listen to all queues. */
async function start(options: LoadBalancingOptions, parts: Parts): Promise<{ readonly stopped: Promise<void>; readonly workers: Workers }> {
  const { table, tier, queues, balancer } = options;
  const { first, last } = queues;
  const count = last - first + 1;
  const stopped = stopSignal();
  const logConfig = parts.add(await openLogs(options), (config) => config.close());
  checkAddresses(options);
  for (const warning of options.warnings) log.warning(warning);
  const access = new Access(options.access);
  const tables = [table, tier].flatMap((name) => (name === undefined ? [] : [describeTable(name)]));
  const tracing = parts.add(
    new Tracing({ access, firstQueue: first, workers: count, hashMode: balancer.hashMode ?? 1, table }, logConfig),
    (each) => each.close(),
  );

  const counters = new Counters(count);
  let isListening = false;
  let inKernel: Count | undefined;
  parts.add(counters, () => {
    if (isListening) log.notice(`stopped: ${describe(counters.sum(), inKernel)}`);
  });
  // One more for the main thread, which reads statistics and collects expired entries.
  const fragments = shareFragments(options.fragments, count + 1);
  const connections = shareConnections(options.connections);
  const tun = options.tun === undefined ? undefined : parts.add(openTun(options.tun, options.fragments.mtu), (each) => each.close());
  const statistics = parts.add(
    new FragmentStatistics(options.fragmentStatistics, fragments, count, (error) =>
      log.warning(`fragment statistics are not in shared memory, so C nfqlb's stats cannot read them: ${describeFailure(error)}`),
    ),
    (each) => each.close(),
  );

  // Its claim of the interfaces fails before any packet is handled.
  const fast =
    options.fast &&
    parts.add(new KernelPath({ ...options.fast, balancer, table, connections }), (each) => {
      inKernel = sumCounts(each.counts(), DECIDED_REASONS);
      each.close();
    });
  const announce = (generation: FlowGeneration): void => {
    tracing.remember(generation);
    workers?.announce(generation);
  };
  let workers: Workers | undefined;
  const flows =
    options.flows && new FlowControl({ workers: count, announce, compiler: new CompilerThread(), kernel: fast?.flows, ...options.flows });
  const observer = parts.add(new TableObserver(), (each) => each.close());
  const health = new Health(queues, options.queueLength, counters, lockWatchOf(fragments));
  let watcher: Watcher | undefined;
  let status: StatusReport | undefined;
  const metricsSource = {
    status: () => status?.now(),
    problems: () => health.problems,
    warnings: () => [...(watcher?.warnings ?? []), ...(fast?.warnings ?? []), ...(options.companion?.degradations.sentences ?? [])],
  };
  // Before the workers, so that a bad address is reported before any packet is handled.
  if (options.metrics) parts.add(await openMetrics(options.metrics, metricsSource), closeHttp);

  workers = parts.add(new Workers(options, { control: new Control(), counters, fragments, connections, tun, flows, tracing }), (each) =>
    each.stop(),
  );
  await workers.start();
  isListening = true;
  // Only now: the queues must be served already, for the packets that the kernel leaves to them.
  if (fast) await (flows?.firstDecision ? fast.take(flows.firstDecision) : fast.takeTable());
  await listenForTraces(options, tracing);
  const commands = flowCommands(flows?.handle, tracing);
  parts.add(await listenForFlowCommands(options, access, commands), (each) => each?.close());
  const about = `listening on ${describeQueues(queues)}, ${describeWork(options, tables)}`;
  log.notice(about);

  health.look(readOwnQueues(queues), 0);
  status = parts.add(new StatusReport({ options, counters, statistics, connections, flows, kernel: fast, health, observer }), () => {
    status = undefined;
  });
  parts.add(await listenForStatus(first, access, status), (each) => each?.close());
  const { tun: device } = options;
  const identities = tables.map(({ name, identity }) => [name, identity] as const);
  const renew = (): void => {
    workers!.renewTables();
    fast?.renewTables();
  };
  watcher = new Watcher({ tier, tun: device, observer, flows, renew }, identities);
  await accompany(options.companion, parts, {
    decideFor: async (vips) => {
      fast?.decideFor(vips);
      if (fast) await flows?.recompile();
    },
    problems: () => health.problems,
    status: () => status!.now(),
  });
  const targets = new TargetWatch(observer, (line) => tracing.tell(Area.Target, line));
  const turns = new TurnWatch(counters, first);
  // Added last, so closed first: it is told before anything else ends.
  const manager = parts.add(ServiceManager.of(process.env, process.pid), (each) => each?.stopping());
  manager?.look(about, health.problems, performance.now());
  const watch = (): void => {
    const kernel = readOwnQueues(queues);
    watcher!.look(counters.sum(), kernel ?? []);
    turns.look();
    health.look(kernel, WATCH_INTERVAL_MS);
    manager?.look(about, health.problems, performance.now());
    fast?.look();
    statistics.publish();
    tracing.look();
    if (tracing.wants(Area.Target)) targets.look([...tables.map(({ name }) => name), ...(flows?.tables ?? [])]);
    else targets.forget();
  };
  parts.add(setInterval(watch, WATCH_INTERVAL_MS), clearInterval);
  return { stopped, workers };
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

async function accompany(companion: Companion | undefined, parts: Parts, balancer: Balancer): Promise<void> {
  if (!companion) return;
  // Also if it fails: it may have begun something.
  parts.add(companion, (each) => each.end());
  await companion.begin(balancer);
}

/** Loads the HTTP server only when needed. */
async function openMetrics(address: MetricsAddress, source: MetricsSource): Promise<HttpServer> {
  const { serveMetrics } = await import('../metrics/metrics-server.js');
  return await serveMetrics(address, source);
}

function closeHttp(server: HttpServer): void {
  server.close();
  server.closeAllConnections();
}

/** Refuses wildcard addresses, before listening to a queue. Warns about TCP, which does not identify clients. */
function checkAddresses({ flows, flowAddress, traceAddress, insecureListen: insecure }: LoadBalancingOptions): void {
  if (flows) refuseWildcard(flowAddress, { insecure, danger: FLOW_DANGER });
  if (traceAddress) refuseWildcard(traceAddress, { insecure, danger: TRACE_DANGER });
  if (flowAddress.kind === 'tcp')
    log.warning(`${formatSocketAddress(flowAddress)}: whoever can connect there may change flows; a unix: address checks who connects`);
  if (traceAddress?.kind === 'tcp')
    log.warning(`${formatSocketAddress(traceAddress)}: whoever can connect there sees what is traced; a unix: address checks who connects`);
}

/** Another load balancer may use the default address: then this one warns, and cannot be traced. An explicit address must work. */
async function listenForTraces({ traceAddress, insecureListen }: LoadBalancingOptions, tracing: Tracing): Promise<void> {
  if (traceAddress) return tracing.listen(traceAddress, insecureListen);
  try {
    await tracing.listen(DEFAULT_TRACE_ADDRESS, insecureListen);
  } catch (error) {
    log.warning(`cannot be traced: ${describeFailure(error)}; --trace_address names another address`);
  }
}

/** `flowlb` needs flow commands. `lb` uses them only for trace flows: it warns, and continues without them. */
async function listenForFlowCommands(options: LoadBalancingOptions, access: Access, handler: FlowHandler): Promise<Server | undefined> {
  const { flowAddress, insecureListen, flows } = options;
  try {
    return await serveFlows(flowAddress, handler, insecureListen, access);
  } catch (error) {
    if (flows) throw error;
    log.warning(`has no trace flows: ${describeFailure(error)}; NFQLB_FLOW_ADDRESS names another address`);
    return undefined;
  }
}

/** Optional: without the status socket, it warns, and `nfqlb top` does not work. */
async function listenForStatus(queue: number, access: Access, status: StatusReport): Promise<Server | undefined> {
  try {
    return await serveStatus(queue, () => status.now(), access);
  } catch (error) {
    log.warning(`nfqlb top cannot show it: ${describeFailure(error)}`);
    return undefined;
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
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
