import type { KernelQueue } from '@nfqlb/native';
import type { Status } from '@nfqlb/protocol/status';
import type { Family } from '../set-up.js';
import type { SysctlFacts } from '../sysctls.js';

/** What was found out about the machine, before it is judged. `undefined` is what could not be found out. */
export interface Facts {
  /** As `uname -r` says it. */
  readonly kernelRelease: string;
  /** Options that the kernel is built with, without `CONFIG_`: those that are `y` or `m`. */
  readonly kernelOptions: ReadonlySet<string> | undefined;
  /** What a trial in a namespace of its own has shown, for parts whose options are not known. */
  readonly trials: ReadonlyMap<KernelPart, boolean>;
  /** Effective ones, a bit for each. */
  readonly capabilities: bigint;
  /** First line of `iptables --version`. */
  readonly iptablesVersion: string | undefined;
  readonly ipVersion: string | undefined;
  readonly sysctls: SysctlFacts;
  /** Without `lo`. */
  readonly offloads: readonly DeviceOffloads[] | undefined;
  /** What iptables-save and ip6tables-save have written. */
  readonly savedRules: Readonly<Record<Family, string | undefined>>;
  /** The same of iptables-legacy, where its tables are in use beside those of nf_tables; empty where they are not. */
  readonly legacyRules: Readonly<Record<Family, string>>;
  /** What `nft list ruleset` has written. */
  readonly nftRules: string | undefined;
  readonly tracking: TrackingFacts;
  /** Queues with a listener. */
  readonly queues: readonly KernelQueue[] | undefined;
  readonly drops: DropFacts;
  readonly policyRules: Readonly<Record<Family, readonly FwmarkRule[]>>;
  /** Numbers of the routing tables that have routes of `nfqlb up`. */
  readonly ownTables: Readonly<Record<Family, readonly number[]>>;
  /** Where the routes of `nfqlb up --mode=dsr` lead fwmarks. */
  readonly ownRoutes: Readonly<Record<Family, readonly { readonly fwmark: number; readonly address: string }[]>>;
  /** Addresses on networks of this machine that nobody answered for when they were last asked for (`NUD_FAILED`, `NUD_INCOMPLETE`). */
  readonly silentNeighbours: readonly string[];
  /** IPv4 VIPs of a set-up with `dsr` to which no route leads. */
  readonly unroutedVips: readonly string[];
  /** VIPs that are addresses of this machine although no rule translates them: packets to them are delivered here. */
  readonly localVips: readonly string[];
  /** Fwmarks of `nfqlb up --mode=dsr` with which packets to a VIP are not routed to the fwmark's target. */
  readonly strayRoutes: readonly StrayRoute[];
  readonly tunDevices: readonly TunDevice[];
  /** Load balancers of this network namespace. */
  readonly loadBalancers: readonly LoadBalancerFacts[];
  /** `undefined` where there is shared memory that may not be read. */
  readonly tables: readonly TableFacts[] | undefined;
}

/** A running load balancer, and what it says about itself. */
export interface LoadBalancerFacts {
  /** The first of its queues. */
  readonly queue: number;
  /** `undefined` when it has not answered, and then why. */
  readonly status: Pick<Status, 'command' | 'problems' | 'queues' | 'tables' | 'options'> | undefined;
  readonly why?: string;
}

/** Connections that the kernel tracks in this namespace. */
export interface TrackingFacts {
  readonly count: number;
  /** Whether packets were tracked while doctor looked: connections are new, or live on. `undefined` where it did not look for that. */
  readonly goesOn: boolean | undefined;
}

/** Packets that the kernel dropped while doctor looked. */
export interface DropFacts {
  /** By queue: because it, or the listener's socket, was full. */
  readonly queues: ReadonlyMap<number, number>;
  /** By the reverse path filter, on any device. */
  readonly reversePath: number;
}

/** Where the kernel routes packets to a VIP that have a fwmark, other than to its target. */
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

/** A part of the kernel that is used. */
export type KernelPart = 'queue' | 'routing' | 'nat' | 'tun';

export interface DeviceOffloads {
  readonly device: string;
  /** Generic receive offload. */
  readonly gro: boolean;
  /** Large receive offload. */
  readonly lro: boolean;
}

/** A policy rule that asks for a fwmark. */
export interface FwmarkRule {
  readonly fwmark: number;
  readonly table: number;
  /** Set up by `nfqlb up`. */
  readonly own: boolean;
  /** Whether the table has a route that leads anywhere. */
  readonly leads: boolean;
}

/** A target table in shared memory. */
export interface TableFacts {
  readonly name: string;
  readonly M: number;
  readonly N: number;
  /** In the table of a load balancer tier, the fwmark of this load balancer, which keeps those packets; else 0. */
  readonly ownFwmark: number;
  /** Fwmarks of the active targets. */
  readonly active: readonly number[];
  /** How many of the M buckets lead to each fwmark. */
  readonly buckets: ReadonlyMap<number, number>;
  /**
   * Whether a program of this network namespace has it, or only programs of others, which have the same shared memory. `unknown`
   * where it may be a process that may not be looked at.
   */
  readonly usedBy: 'here' | 'elsewhere' | 'nobody' | 'unknown';
}
