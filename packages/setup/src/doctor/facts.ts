import type { AttachedProgram } from '@nfqlb/fast-path';
import type { KernelQueue } from '@nfqlb/native';
import type { Status } from '@nfqlb/protocol/status';
import type { Family } from '../set-up.js';
import type { SysctlFacts } from '../sysctls.js';

/** What is known about the machine, before it is judged. `undefined`: could not be found out. */
export interface Facts {
  /** As `uname -r` prints it. */
  readonly kernelRelease: string;
  /** Kernel build options set to `y` or `m`, without `CONFIG_`. */
  readonly kernelOptions: ReadonlySet<string> | undefined;
  /** Results of trials in a temporary namespace, if the kernel options are unknown. */
  readonly trials: ReadonlyMap<KernelPart, boolean>;
  /** Effective ones, as a bit mask. */
  readonly capabilities: bigint;
  /** First line of `iptables --version`. */
  readonly iptablesVersion: string | undefined;
  readonly ipVersion: string | undefined;
  readonly sysctls: SysctlFacts;
  /** Without `lo`. */
  readonly offloads: readonly DeviceOffloads[] | undefined;
  /** Output of iptables-save and ip6tables-save. */
  readonly savedRules: Readonly<Record<Family, string | undefined>>;
  /** The same for iptables-legacy, if its tables are in use beside those of nf_tables; otherwise empty. */
  readonly legacyRules: Readonly<Record<Family, string>>;
  /** Output of `nft list ruleset`. */
  readonly nftRules: string | undefined;
  readonly tracking: TrackingFacts;
  /** Queues with a listener. */
  readonly queues: readonly KernelQueue[] | undefined;
  readonly drops: DropFacts;
  readonly policyRules: Readonly<Record<Family, readonly FwmarkRule[]>>;
  /** Numbers of the routing tables with routes from `nfqlb up`. */
  readonly ownTables: Readonly<Record<Family, readonly number[]>>;
  /** Gateway of each fwmark, from the routes of `nfqlb up --mode=dsr`. */
  readonly ownRoutes: Readonly<Record<Family, readonly { readonly fwmark: number; readonly address: string }[]>>;
  /** Addresses on connected networks that did not answer when last resolved (`NUD_FAILED`, `NUD_INCOMPLETE`). */
  readonly silentNeighbours: readonly string[];
  /** IPv4 VIPs of a `dsr` set-up without a route. */
  readonly unroutedVips: readonly string[];
  /** VIPs that are addresses of this machine although no rule translates them: packets to them are delivered here. */
  readonly localVips: readonly string[];
  /** Fwmarks of `nfqlb up --mode=dsr` whose packets to a VIP are not routed to the fwmark's target. */
  readonly strayRoutes: readonly StrayRoute[];
  readonly tunDevices: readonly TunDevice[];
  readonly fastPath: FastPathFacts;
  /** Load balancers of this network namespace. */
  readonly loadBalancers: readonly LoadBalancerFacts[];
  /** `undefined` if some shared memory is not readable. */
  readonly tables: readonly TableFacts[] | undefined;
}

/** A running load balancer, and the status it reports. */
export interface LoadBalancerFacts {
  /** The first of its queues. */
  readonly queue: number;
  /** `undefined` if it did not answer; `why` has the reason. */
  readonly status:
    | Pick<Status, 'command' | 'problems' | 'privileges' | 'degradations' | 'keepsSetUp' | 'queues' | 'tables' | 'options' | 'fastPath'>
    | undefined;
  readonly why?: string;
}

/** What is there of the fast path, and for it. */
export interface FastPathFacts {
  /** Whether one is mounted at /sys/fs/bpf. */
  readonly hasBpfFileSystem: boolean;
  /** At interfaces of this network namespace. */
  readonly programs: readonly AttachedProgram[];
}

/** Connections that the kernel tracks in this namespace. */
export interface TrackingFacts {
  readonly count: number;
  /** Whether packets were tracked while doctor watched: connections are new or refreshed. `undefined` if it did not watch. */
  readonly goesOn: boolean | undefined;
}

/** Packets that the kernel dropped while doctor watched. */
export interface DropFacts {
  /** By queue: because it, or the listener's socket, was full. */
  readonly queues: ReadonlyMap<number, number>;
  /** By the reverse path filter, on any device. */
  readonly reversePath: number;
}

/** Where the kernel routes packets to a VIP with a fwmark, instead of to its target. */
export interface StrayRoute {
  readonly vip: string;
  readonly fwmark: number;
  /** `via 10.0.0.9 dev eth0`. */
  readonly goes: string;
}

export interface TunDevice {
  readonly device: string;
  readonly up: boolean;
  /** Octets. */
  readonly mtu: number;
}

/** A part of the kernel that we use. */
export type KernelPart = 'queue' | 'routing' | 'nat' | 'tun';

export interface DeviceOffloads {
  readonly device: string;
  /** Generic receive offload. */
  readonly gro: boolean;
  /** Large receive offload. */
  readonly lro: boolean;
}

/** A policy rule that matches a fwmark. */
export interface FwmarkRule {
  readonly fwmark: number;
  readonly table: number;
  /** Set up by `nfqlb up`. */
  readonly own: boolean;
  /** Whether the table has a unicast route. */
  readonly leads: boolean;
}

/** A target table in shared memory. */
export interface TableFacts {
  readonly name: string;
  readonly M: number;
  readonly N: number;
  /** In a tier's table, the fwmark of this load balancer, which keeps those packets; else 0. */
  readonly ownFwmark: number;
  /** Fwmarks of the active targets. */
  readonly active: readonly number[];
  /** How many of the M buckets lead to each fwmark. */
  readonly buckets: ReadonlyMap<number, number>;
  /**
   * Whether a program in this network namespace has it mapped, or only programs in others, which share the memory. `unknown` if some
   * processes could not be inspected.
   */
  readonly usedBy: 'here' | 'elsewhere' | 'nobody' | 'unknown';
}
