import type { BalancerOptions, ConnectionSetOptions, FragmentTableOptions } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';
import type { Priority, QueueRange } from '@nfqlb/options';
import type { AccessOptions, SocketAddress } from '@nfqlb/protocol/sockets';
import type { FastPathChoice } from '../fast-path/fast-path-choice.js';
import type { LogFormat } from '../log/log.js';
import type { MetricsAddress } from '../metrics/metrics-address.js';
import type { Companion } from './companion.js';

/** Options of `lb`, `flowlb` and `run`. */
export interface LoadBalancingOptions {
  /** The program's name and version, for its status: `nfqlb-0.2.0`. */
  readonly version: string;
  /** Name of the command, for the log. */
  readonly command: string;
  readonly logFormat: LogFormat;
  /** Shared-memory name of the target table; absent if flows have their own tables. */
  readonly table?: string;
  /** How flows match; absent if there are no flows. */
  readonly flows?: FlowOptions;
  /** Address for flow commands, including those for trace flows. */
  readonly flowAddress: SocketAddress;
  /** Address for trace clients; `undefined` for the default address, if it is free. */
  readonly traceAddress: SocketAddress | undefined;
  /** Who may use the unix sockets. */
  readonly access: AccessOptions;
  /** Whether the flow and trace addresses may be wildcard addresses. */
  readonly insecureListen: boolean;
  readonly queues: QueueRange;
  readonly queueLength: number;
  /** How long to let a small batch grow, at most, in microseconds. */
  readonly linger: number;
  /** How long to ask for packets before waiting for them, in microseconds. */
  readonly busyPoll: number;
  /** CPUs of the workers, in turn. Default: all. */
  readonly cpus: readonly number[] | undefined;
  /** Priority of the workers. Default: that of the process. */
  readonly priority: Priority | undefined;
  readonly balancer: BalancerOptions;
  /** Shared-memory name of the load balancer tier's table, if there is a tier. */
  readonly tier: string | undefined;
  /** The fragment table. Stores no fragments without a tun device. */
  readonly fragments: FragmentTableOptions;
  /** The connections that are remembered while targets change. */
  readonly connections: ConnectionSetOptions;
  /** Name of the tun device through which stored fragments are reinjected. */
  readonly tun: string | undefined;
  /** Shared-memory name of the fragment table's statistics. */
  readonly fragmentStatistics: string;
  /** What is decided in the kernel; absent if all packets go through the queue. */
  readonly fast: FastPathChoice | undefined;
  /** What was found out about the options, for the log. */
  readonly warnings: readonly string[];
  /** Address for /metrics and /healthz; optional. */
  readonly metrics: MetricsAddress | undefined;
  /** Whether to take over from the load balancer that runs with the same queues, if there is one. Default: no. */
  readonly takeover?: boolean;
  /** Called when packets of the queues are balanced, and everything is ready. */
  readonly ready?: () => void;
  /** What goes on beside the balancing. */
  readonly companion?: Companion;
}

export interface FlowOptions {
  readonly promiscuousPing: boolean;
  /** Initial flows. */
  readonly flows?: readonly FlowDefinition[] | undefined;
}
