import type { BalancerOptions, FragmentTableOptions } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';
import type { QueueRange } from '@nfqlb/options';
import type { AccessOptions, SocketAddress } from '@nfqlb/protocol/sockets';
import type { LogFormat } from '../log/log.js';
import type { MetricsAddress } from '../metrics/metrics-address.js';

/** What `lb` and `flowlb` are started with. */
export interface LoadBalancingOptions {
  /** The program's name and version, for its status: `nfqlb-0.1.0`. */
  readonly version: string;
  /** The command's name, for the log. */
  readonly command: string;
  readonly logFormat: LogFormat;
  /** Shared-memory name of the target table; absent where flows have tables of their own. */
  readonly table?: string;
  /** How flows match; absent where there are none. */
  readonly flows?: FlowOptions;
  /** Where flow commands are taken, those for trace flows too. */
  readonly flowAddress: SocketAddress;
  /** Where traces are given; `undefined` for the usual address, if that is free. */
  readonly traceAddress: SocketAddress | undefined;
  /** Who may use its unix sockets. */
  readonly access: AccessOptions;
  /** Whether these may stand for all addresses of the machine. */
  readonly insecureListen: boolean;
  readonly queues: QueueRange;
  readonly queueLength: number;
  /** How long to let a small batch grow, in microseconds. */
  readonly linger: number;
  readonly balancer: BalancerOptions;
  /** Shared-memory name of the load balancer tier's table, where there is a tier. */
  readonly tier: string | undefined;
  /** The fragment table. Stores nothing where there is no tun device. */
  readonly fragments: FragmentTableOptions;
  /** Name of the tun device through which stored fragments come back. */
  readonly tun: string | undefined;
  /** Shared-memory name of the fragment table's statistics. */
  readonly fragmentStatistics: string;
  /** Where /metrics and /healthz are served, if anywhere. */
  readonly metrics: MetricsAddress | undefined;
}

export interface FlowOptions {
  readonly promiscuousPing: boolean;
  /** Flows that are there from the begin. */
  readonly flows?: readonly FlowDefinition[] | undefined;
}
