import { MAX_POOL } from '@nfqlb/core';
import { LOG_FORMATS, type LogFormat } from '@nfqlb/daemon/log';
import type { LoadBalancingOptions } from '@nfqlb/daemon/main';
import { type MetricsAddress, metricsAddress } from '@nfqlb/daemon/metrics';
import { type Command, fwmarkOrNone, Option, oneOf, type QueueRange, queueRange, text, wholeNumber } from '@nfqlb/options';
import { flowAddress } from '@nfqlb/protocol/flow';
import { groupNumber, readersOf, type SocketAddress } from '@nfqlb/protocol/sockets';
import { traceAddressOption } from '@nfqlb/protocol/trace';
import { tableNames } from '../completion/names.js';
import { VERSION } from '../version.js';

/** What `lb` and `flowlb` have in common. */
export interface BalancingOptions {
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
  readonly metrics: MetricsAddress | undefined;
  readonly logFormat: LogFormat;
  readonly trace_address?: SocketAddress;
  readonly insecureListen: boolean;
  readonly group?: number;
  readonly readGroup?: number | 'all';
}

/** Longest life of a fragment table's entry, in milliseconds. */
const MAX_TTL = 1 << 22;

export function addBalancingOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--queue <n|first:last>', 'NFQUEUEs to listen to; each has a thread of its own')
        .argParser(queueRange)
        .default({ first: 2, last: 2 }, '2'),
    )
    .option('--qlength <packets>', 'packets that may wait in a queue; more are dropped', wholeNumber({ min: 1, max: 0x7fffffff }), 1024)
    .option('--notargets_fwmark <fwmark>', 'what packets get when no target is active; -1: they are dropped', fwmarkOrNone, -1)
    .option('--hash_mode <mode>', '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports', oneOf('0', '1'), '1')
    .option(
      '--lbshm <name>',
      "the load balancer tier's table: fragments go to the one of the tier that their addresses choose",
      text(tableNames),
    )
    .option('--tun <device>', 'tun device to send stored fragments through; created when it is not there. Without: none are stored')
    .option(
      '--mtu <octets>',
      'longest fragment that is stored: at least the MTU that packets come in with',
      wholeNumber({ min: 576, max: 65_531 }),
      1500,
    )
    .option(
      '--reassembler <holes>',
      'holes to follow which datagrams are complete and forget those at once; 0: after their time',
      wholeNumber({ max: MAX_POOL }),
      0,
    )
    .option('--ft_shm <name>', "where the fragment table's statistics are kept", 'ftshm')
    .option('--ft_size <buckets>', "the fragment table's buckets; best a prime", wholeNumber({ min: 1, max: MAX_POOL }), 500)
    .option('--ft_buckets <entries>', 'extra entries for datagrams that meet in a bucket', wholeNumber({ max: MAX_POOL }), 500)
    .option('--ft_frag <fragments>', 'fragments that can be stored', wholeNumber({ max: MAX_POOL }), 100)
    .option('--ft_ttl <milliseconds>', 'longest time between two fragments of a datagram', wholeNumber({ min: 1, max: MAX_TTL }), 200)
    .option(
      '--linger <microseconds>',
      'how long to let packets gather after a wait: less CPU, more latency',
      wholeNumber({ max: 10_000 }),
      50,
    )
    .option('--log-format <format>', 'of what is said on stderr: text or json', oneOf(...LOG_FORMATS), 'text')
    .addOption(traceAddressOption('where traces are given'))
    .option(
      '--group <group>',
      'whose members may give flow commands, trace and read the status, as root and the user that this runs as may',
      groupNumber,
    )
    .option('--read-group <group>', 'whose members may only read flows and status; all: everybody may', readersOf)
    .option('--insecure-listen', 'allow addresses for traces and flow commands that stand for all of this machine', false)
    .option(
      '--metrics <address:port>',
      'where to serve /metrics and /healthz over HTTP, to everybody. Without: nowhere',
      metricsAddress,
    ) as Command;
}

export function loadBalancingOf(command: string, options: BalancingOptions): LoadBalancingOptions {
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
    balancer: { hashMode: options.hash_mode === '0' ? 0 : 1, noTargetsFwmark: options.notargets_fwmark },
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
    metrics: options.metrics,
  };
}
