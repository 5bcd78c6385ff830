// The main thread of `nfqlb lb`: starts a worker for each queue, watches the table's name and the kernel's counters, stops.

import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { REASON_NAMES, Reason } from '@nfqlb/core';
import { readOwnQueues, type Tun, Wakeup } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { type FlowHandler, serveFlows } from '@nfqlb/protocol/flow';
import { Access, formatSocketAddress } from '@nfqlb/protocol/sockets';
import type { Counts } from '@nfqlb/protocol/status';
import { serveStatus } from '@nfqlb/protocol/status';
import { Area, DEFAULT_TRACE_ADDRESS, LogConfig, logConfigName } from '@nfqlb/protocol/trace';
import { CompilerThread } from '../flows/compiler-thread.js';
import { FlowControl } from '../flows/flow-control.js';
import type { FlowGeneration } from '../flows/flow-generations.js';
import { FragmentStatistics } from '../fragments/fragment-statistics.js';
import { openTun } from '../fragments/reinjection.js';
import { lockWatchOf, type SharedFragments, shareFragments } from '../fragments/shared-fragments.js';
import { log, openLog } from '../log/log.js';
import type { MetricsAddress } from '../metrics/metrics-address.js';
import type { MetricsSource } from '../metrics/metrics-server.js';
import { Control } from '../shared/control.js';
import { Counters } from '../shared/counters.js';
import { Tracing } from '../trace/tracing.js';
import { Health } from '../watch/health.js';
import { TargetWatch } from '../watch/target-watch.js';
import { TurnWatch } from '../watch/turn-watch.js';
import { lookAtTable, Watcher } from '../watch/watcher.js';
import type { WorkerMessage, WorkerOptions } from '../worker/worker-options.js';
import { flowCommands } from './flow-commands.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';
import { StatusReport } from './status-report.js';

/** How often the table's name and the kernel's counters are looked at, in milliseconds. */
const WATCH_INTERVAL = 100;

/** Longest wait for the workers to end; they need a third of it. In milliseconds. */
const STOP_PATIENCE = 900;

/** A worker that cannot go on: the message says why. */
export class WorkerFailure extends Error {
  override readonly name = 'WorkerFailure';
  readonly code = 'WORKER';
}

/** Load-balances until SIGTERM or SIGINT. Rejects when the table is not there, a queue cannot be had, or a worker fails. */
export async function balanceLoad(options: LoadBalancingOptions): Promise<void> {
  let unusable: unknown;
  const logConfig = new LogConfig(logConfigName(), (error) => {
    unusable = error;
  });
  await openLog(options.command, options.logFormat, () => logConfig.level);
  if (unusable) log.warning(`log level and trace mask are the usual ones: ${describeFailure(unusable)}; NFQLB_TRACE_SHM names another`);
  warnOfTcp(options);
  const access = new Access(options.access);
  const tables = [options.table, options.tier].flatMap((name) => (name === undefined ? [] : [lookAtTable(name)]));
  const { first, last } = options.queues;
  const queues = last - first + 1;
  const stopped = stopSignal();
  const workers: RunningWorker[] = [];
  const { table, balancer } = options;
  const tracing = new Tracing({ access, firstQueue: first, workers: queues, hashMode: balancer.hashMode ?? 1, table }, logConfig);
  const flows = options.flows && new FlowControl({ workers: queues, announce, compiler: new CompilerThread(), ...options.flows });
  const shared: SharedByWorkers = {
    flows,
    tracing,
    control: new Control(),
    counters: new Counters(queues),
    // The main thread reads and collects: it is one more.
    fragments: shareFragments(options.fragments, queues + 1),
    tun: options.tun === undefined ? undefined : openTun(options.tun, options.fragments.mtu),
  };
  let statistics: FragmentStatistics | undefined;
  let server: Server | undefined;
  let status: StatusReport | undefined;
  let statusServer: Server | undefined;
  const health = new Health(options.queues, options.queueLength, shared.counters, lockWatchOf(shared.fragments));
  const metrics = await openMetrics(options.metrics, {
    status: () => status?.now(),
    problems: () => health.problems,
    warnings: () => watcher?.warnings ?? [],
  });
  let watcher: Watcher | undefined;
  let watch: NodeJS.Timeout | undefined;
  try {
    for (let queue = first; queue <= last; queue++) workers.push(await startWorker(queue, options, shared));
    statistics = new FragmentStatistics(options.fragmentStatistics, shared.fragments, queues, (error) =>
      log.warning(`fragment statistics are in no shared memory, for C nfqlb's stats: ${describeFailure(error)}`),
    );
    await listenForTraces(options, tracing);
    server = await listenForFlowCommands(options, access, flowCommands(flows?.handle, tracing));
    const about = [
      ...tables.map(({ name, about }) => `table ${name} (${about})`),
      ...(flows ? [`flow commands at ${formatSocketAddress(options.flowAddress)}`] : []),
    ].join(', ');
    log.notice(`listening on queue${first === last ? ` ${first}` : `s ${first} to ${last}`}, ${about}`);
    watcher = new Watcher(options, tables, flows, () => {
      shared.control.renewTable();
      for (const { wakeup } of workers) wakeup.signal();
    });
    const targets = new TargetWatch((line) => tracing.tell(Area.Target, line));
    const turns = new TurnWatch(shared.counters, first);
    health.look(readOwnQueues(options.queues), 0);
    status = new StatusReport({ options, counters: shared.counters, statistics, flows, health });
    statusServer = await listenForTop(first, access, status);
    watch = setInterval(() => {
      const kernel = readOwnQueues(options.queues);
      watcher?.look(shared.counters.sum(), kernel ?? []);
      turns.look();
      health.look(kernel, WATCH_INTERVAL);
      statistics!.publish();
      tracing.look();
      if (tracing.wants(Area.Target)) targets.look([...tables.map(({ name }) => name), ...(flows?.tables ?? [])]);
      else targets.forget();
    }, WATCH_INTERVAL);
    await Promise.race([stopped, ...workers.map(({ failed }) => failed)]);
  } finally {
    clearInterval(watch);
    server?.close();
    statusServer?.close();
    metrics?.close();
    metrics?.closeAllConnections();
    status?.close();
    shared.control.stop();
    for (const { wakeup } of workers) wakeup.signal();
    await Promise.race([Promise.all(workers.map(({ ended }) => ended)), pause(STOP_PATIENCE)]);
    for (const { wakeup } of workers) wakeup.close();
    statistics?.close();
    shared.tun?.close();
    if (watch) log.notice(`stopped: ${describe(shared.counters.sum())}`);
    await tracing.close();
  }

  function announce(generation: FlowGeneration): void {
    tracing.remember(generation);
    for (const { flows: port, wakeup } of workers) {
      port?.postMessage(generation);
      wakeup.signal();
    }
  }
}

/** Where it is asked for. An address that cannot be had is found before anything else has begun. */
async function openMetrics(address: MetricsAddress | undefined, source: MetricsSource): Promise<HttpServer | undefined> {
  if (!address) return undefined;
  const { serveMetrics } = await import('../metrics/metrics-server.js');
  return await serveMetrics(address, source);
}

/** What the workers have in common with each other and with the main thread. */
interface SharedByWorkers {
  readonly control: Control;
  readonly counters: Counters;
  readonly fragments: SharedFragments;
  readonly tun: Tun | undefined;
  readonly flows: FlowControl | undefined;
  readonly tracing: Tracing;
}

interface RunningWorker {
  readonly wakeup: Wakeup;
  /** Takes new flows. */
  readonly flows: MessagePort | undefined;
  /** Rejects when the worker cannot go on. */
  readonly failed: Promise<never>;
  readonly ended: Promise<void>;
}

/** Resolves when the worker listens to its queue. */
async function startWorker(queue: number, options: LoadBalancingOptions, shared: SharedByWorkers): Promise<RunningWorker> {
  const wakeup = new Wakeup();
  const { table, tier, queueLength, linger, balancer, queues } = options;
  const channel = shared.flows && new MessageChannel();
  channel?.port1.postMessage(shared.flows!.newest);
  const number = queue - queues.first;
  const tap = shared.tracing.tapOf(number);
  const workerData: WorkerOptions = {
    worker: number,
    queue,
    queueLength,
    linger,
    table,
    tier,
    balancer,
    fragments: shared.fragments,
    tun: shared.tun?.fd,
    flows: channel && { port: channel.port2, board: shared.flows!.board.memory },
    tap,
    wakeup: wakeup.fd,
    control: shared.control.memory,
    counters: shared.counters.memory,
  };
  const transferList = [tap.flows, ...(channel ? [channel.port2] : [])];
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, transferList });
  const ended = once(worker, 'exit').then(() => {});
  const failed = new Promise<never>((_, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'failed') reject(new WorkerFailure(message.message));
    });
  });
  // Whoever is told first is enough.
  failed.catch(() => {});
  const listening = new Promise<void>((resolve) => {
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'listening') resolve();
    });
  });
  await Promise.race([listening, failed]);
  return { wakeup, flows: channel?.port1, failed, ended };
}

/** TCP does not tell who connects. */
function warnOfTcp({ flowAddress, traceAddress }: LoadBalancingOptions): void {
  if (flowAddress.kind === 'tcp')
    log.warning(`${formatSocketAddress(flowAddress)}: whoever can connect there may change flows; a unix: address asks who it is`);
  if (traceAddress?.kind === 'tcp')
    log.warning(`${formatSocketAddress(traceAddress)}: whoever can connect there sees what is traced; a unix: address asks who it is`);
}

/** The usual address may be another load-balancer's: this one balances all the same, and says so. One that was asked for must be had. */
async function listenForTraces({ traceAddress, insecureListen }: LoadBalancingOptions, tracing: Tracing): Promise<void> {
  if (traceAddress) return tracing.listen(traceAddress, insecureListen);
  try {
    await tracing.listen(DEFAULT_TRACE_ADDRESS, insecureListen);
  } catch (error) {
    log.warning(`cannot be traced: ${describeFailure(error)}; --trace_address names another address`);
  }
}

/** Where flows lead to targets, commands must be taken. Where they only choose packets to trace it goes without. */
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

/** Whoever looks is not what it runs for: it goes without. */
async function listenForTop(queue: number, access: Access, status: StatusReport): Promise<Server | undefined> {
  try {
    return await serveStatus(queue, () => status.now(), access);
  } catch (error) {
    log.warning(`nfqlb top cannot look at it: ${describeFailure(error)}`);
    return undefined;
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds).unref());

function describe({ packets, batches, accepted, dropped, reinjected, verdictErrors }: Counts): string {
  const stored = dropped[Reason.FragmentStored]!;
  const reasons = (counts: readonly number[]): string =>
    counts.flatMap((count, reason) => (count > 0 ? [`${REASON_NAMES[reason]} ${count}`] : [])).join(', ') || 'none';
  return `${packets} packets in ${batches} batches; accepted: ${reasons(accepted)}; dropped: ${reasons(dropped.with(Reason.FragmentStored, 0))}; fragments stored: ${stored}, sent on: ${reinjected}; errors: ${verdictErrors}`;
}
