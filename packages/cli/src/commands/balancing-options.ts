import { MAX_POOL } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';
import { LOG_FORMATS, type LogFormat } from '@nfqlb/daemon/log';
import type { LoadBalancingOptions } from '@nfqlb/daemon/main';
import { type MetricsAddress, metricsAddress } from '@nfqlb/daemon/metrics';
import {
  addDrainOptions,
  type Command,
  cpuList,
  type DrainOptions,
  fwmarkOrNone,
  Option,
  oneOf,
  type Priority,
  priority,
  type QueueRange,
  queueRange,
  text,
  wholeNumber,
} from '@nfqlb/options';
import { flowAddress } from '@nfqlb/protocol/flow';
import { groupNumber, readersOf, type SocketAddress } from '@nfqlb/protocol/sockets';
import { traceAddressOption } from '@nfqlb/protocol/trace';
import { tableNames } from '../completion/names.js';
import { addFastOptions, type FastOptions, fastPathOf } from '../fast-path/fast-options.js';
import { type TakeoverOptions, tellReady } from '../takeover/background.js';
import { VERSION } from '../version.js';

/** Options that `lb`, `flowlb` and `run` share. */
export interface BalancingOptions extends FastOptions, DrainOptions, TakeoverOptions {
  readonly queue: QueueRange;
  readonly qlength: number;
  readonly notargets_fwmark: number;
  readonly hash_mode: '0' | '1';
  readonly lbshm: string | undefined;
  readonly tun: string | undefined;
  readonly mtu: number;
  readonly reassembler: number;
  readonly ft_shm: string;
  readonly ft_size: number;
  readonly ft_buckets: number;
  readonly ft_frag: number;
  readonly ft_ttl: number;
  readonly linger: number;
  readonly busyPoll: number;
  readonly cpus?: readonly number[];
  readonly priority?: Priority;
  readonly metrics: MetricsAddress | undefined;
  readonly logFormat: LogFormat;
  readonly trace_address?: SocketAddress;
  readonly insecureListen: boolean;
  readonly group?: number;
  readonly readGroup?: number | 'all';
}

/** Options that `flowlb` and `run` share. */
export interface FlowBalancingOptions extends BalancingOptions {
  readonly promiscuous_ping: boolean;
  readonly nolb_fwmark: number;
}

/** Maximum lifetime of an entry of the fragment table. */
const MAX_TTL_MS = 1 << 22;

export function addFlowBalancingOptions(command: Command): Command {
  return addBalancingOptions(
    command
      .option('--promiscuous_ping', 'an echo request goes with the first flow whose addresses match, whatever its protocols', false)
      .option('--nolb_fwmark <fwmark>', 'what packets get that no flow matches; -1: they are dropped', fwmarkOrNone, -1) as Command,
  );
}

export function addBalancingOptions(command: Command): Command {
  addFastOptions(command)
    .addOption(
      new Option('--queue <n|first:last>', 'NFQUEUEs to listen to; each has its own thread')
        .argParser(queueRange)
        .default({ first: 2, last: 2 }, '2'),
    )
    .option(
      '--qlength <packets>',
      'maximum number of packets waiting in a queue; more are dropped',
      wholeNumber({ min: 1, max: 0x7fffffff }),
      1024,
    )
    .option('--notargets_fwmark <fwmark>', 'what packets get when no target is active; -1: they are dropped', fwmarkOrNone, -1)
    .option('--hash_mode <mode>', '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports', oneOf('0', '1'), '1')
    .option(
      '--lbshm <name>',
      'table of the load balancer tier: fragments go to the load balancer that their addresses select',
      text(tableNames),
    )
    .option('--tun <device>', 'tun device to send stored fragments through; created if missing. Without it, fragments are not stored')
    .option(
      '--mtu <octets>',
      'longest fragment that is stored: at least the MTU that packets come in with',
      wholeNumber({ min: 576, max: 65_531 }),
      1500,
    )
    .option(
      '--reassembler <holes>',
      'hole descriptors to detect complete datagrams and forget them at once; 0: forget them after --ft_ttl',
      wholeNumber({ max: MAX_POOL }),
      0,
    )
    .option('--ft_shm <name>', 'shared memory for the statistics of the fragment table', 'ftshm')
    .option('--ft_size <buckets>', "the fragment table's buckets; best a prime", wholeNumber({ min: 1, max: MAX_POOL }), 500)
    .option('--ft_buckets <entries>', 'extra entries for datagrams in the same bucket', wholeNumber({ max: MAX_POOL }), 500)
    .option('--ft_frag <fragments>', 'maximum number of stored fragments', wholeNumber({ max: MAX_POOL }), 100)
    .option('--ft_ttl <milliseconds>', 'maximum time between two fragments of a datagram', wholeNumber({ min: 1, max: MAX_TTL_MS }), 200)
    .option(
      '--linger <microseconds>',
      'how long to let packets gather after a wait, at most: less CPU, more latency. Not while fewer than three would come',
      wholeNumber({ max: 10_000 }),
      130,
    )
    .option(
      '--busy-poll <microseconds>',
      'how long to ask for packets again and again before waiting for them: less latency, more CPU',
      wholeNumber({ max: 10_000 }),
      0,
    )
    .option('--cpus <list>', 'CPUs for the threads of the queues, which get one each, in turn. Default: all', cpuList)
    .option(
      '--priority <priority>',
      "nice value of the queues' threads, -20 (first) to 19, or their real-time priority, fifo:1 to fifo:99. Default: -10 where permitted, unless started with another than 0",
      priority,
    );
  return addDrainOptions(command)
    .option(
      '--takeover',
      'take over from the load balancer that runs with these queues, without losing a packet: it ends when this one is in charge, and goes on if this one fails before',
    )
    .option('--background', 'with --takeover: go on in the background, and end this command when that is in charge, or has failed')
    .option('--log-format <format>', 'log format on stderr: text or json', oneOf(...LOG_FORMATS), 'text')
    .addOption(traceAddressOption('where to serve traces'))
    .option(
      '--group <group>',
      'group whose members may send flow commands, trace and read the status, like root and the user that this runs as',
      groupNumber,
    )
    .option('--read-group <group>', 'group whose members may only read flows and status; all: everybody', readersOf)
    .option('--insecure-listen', 'allow wildcard addresses for traces and flow commands', false)
    .option(
      '--metrics <address:port>',
      'where to serve /metrics and /healthz over HTTP, to everybody. Default: nowhere',
      metricsAddress,
    ) as Command;
}

export async function flowBalancingOf(
  command: string,
  options: FlowBalancingOptions,
  flows: readonly FlowDefinition[],
): Promise<LoadBalancingOptions> {
  const common = await loadBalancingOf(command, options);
  return {
    ...common,
    flows: { promiscuousPing: options.promiscuous_ping, flows },
    balancer: { ...common.balancer, noFlowFwmark: options.nolb_fwmark },
  };
}

export async function loadBalancingOf(command: string, options: BalancingOptions): Promise<LoadBalancingOptions> {
  const warnings: string[] = [];
  const fast = await fastPathOf(options, options.queue, (line) => warnings.push(line));
  return {
    version: VERSION,
    command,
    logFormat: options.logFormat,
    flowAddress: flowAddress(),
    traceAddress: options.trace_address,
    access: { group: options.group, readers: options.readGroup },
    insecureListen: options.insecureListen,
    queues: options.queue,
    queueLength: options.qlength,
    linger: options.linger,
    busyPoll: options.busyPoll,
    cpus: options.cpus,
    priority: options.priority,
    balancer: {
      hashMode: options.hash_mode === '0' ? 0 : 1,
      noTargetsFwmark: options.notargets_fwmark,
      drainsOthers: options.drainUdp === 'former',
    },
    connections: { connections: options.drainConnections, idle: options.drainIdle },
    tier: options.lbshm,
    tun: options.tun,
    fragments: {
      size: options.ft_size,
      buckets: options.ft_buckets,
      fragments: options.tun === undefined ? 0 : options.ft_frag,
      mtu: options.mtu,
      ttl: options.ft_ttl,
      holes: options.reassembler,
    },
    fragmentStatistics: options.ft_shm,
    fast,
    warnings,
    metrics: options.metrics,
    takeover: options.takeover === true,
    ready: tellReady,
  };
}
