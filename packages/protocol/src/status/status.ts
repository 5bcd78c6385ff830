// Status of a running load balancer, sent as JSON to `nfqlb top`, and the source of /metrics. Counts are since its start.

import type { ConnectionCounts } from '@nfqlb/core';
import type { Count, Counts, FlowCount } from './counts.js';

/** Changes when other versions would misread a status. */
export const STATUS_FORMAT = 1;

export interface Status {
  readonly format: typeof STATUS_FORMAT;
  /** `nfqlb-0.2.0`. */
  readonly version: string;
  /** `lb` or `flowlb`. */
  readonly command: string;
  readonly pid: number;
  /** Time since its start, in seconds. */
  readonly uptime: number;
  /** Why it is not healthy; empty if it is. */
  readonly problems: readonly string[];
  /** What it may do; absent in the status of an older version. */
  readonly privileges?: PrivilegeStatus;
  /** What is not as it should be while packets are balanced nevertheless; absent without `nfqlb run`. */
  readonly degradations?: readonly Degradation[];
  /** The configuration file that it follows, as an absolute path; absent without `nfqlb run`. */
  readonly file?: string;
  /** Whether it keeps rules and routes as its file declares them; absent without `nfqlb run`. */
  readonly keepsSetUp?: boolean;
  /** Tables whose targets have addresses, and what checks say of these; absent without `nfqlb run`. */
  readonly health?: readonly TableHealth[];
  /** VIPs that a BGP speaker on this machine is to announce; absent without `nfqlb run`. */
  readonly announcement?: Announcement;
  /** The other load balancers of the tier; absent without `nfqlb run`. */
  readonly tier?: readonly TierMemberStatus[];
  readonly queues: readonly QueueStatus[];
  /** What it was started with; absent in the status of an older version. */
  readonly options?: DecisionOptions;
  /** Targets that are active in a table in use, or got packets recently; sorted by fwmark. */
  readonly targets: readonly TargetStatus[];
  /** Sum for targets that have no counters of their own, because there were too many. */
  readonly otherTargets: Count;
  /** Highest precedence first; absent for `lb`, which has no flows. */
  readonly flows?: readonly FlowCount[];
  /** The same on every load balancer that has the same flows in the same order; absent without flows, or in the status of an older version. */
  readonly flowsDigest?: number;
  /** Number of times the flows were changed. */
  readonly flowChanges?: number;
  /** What is decided in the kernel; absent without `--fast`. */
  readonly fastPath?: FastPathStatus;
  readonly tables: readonly TableStatus[];
  /** Connections that are remembered while targets change; absent in the status of an older version. */
  readonly connections?: ConnectionCounts;
  /** By the names of `nfqlb stats`. */
  readonly fragments: Readonly<Record<string, number>>;
}

export interface PrivilegeStatus {
  /** Capabilities of any of its threads, such as `CAP_NET_ADMIN`. */
  readonly capabilities: readonly string[];
  /** Those that it does not need. */
  readonly unneeded: readonly string[];
  /** Whether a program that it starts may have others. */
  readonly mayGain: boolean;
}

export interface Announcement {
  /** Whether `nfqlb announce drain` has withdrawn all of them. */
  readonly drained: boolean;
  readonly vips: readonly VipStatus[];
}

export interface VipStatus {
  /** Such as `10.0.0.1/32`. */
  readonly vip: string;
  readonly announced: boolean;
  /** Why not; empty if it is. */
  readonly why: string;
}

/** Another load balancer of the tier, as compared with this one. */
export interface TierMemberStatus {
  /** As the file has it: `http://10.1.0.3:9911`. */
  readonly member: string;
  /** Why it does not answer; empty if it does. */
  readonly silence: string;
  /** What is different there, a sentence each; empty if nothing is, or if it does not answer. */
  readonly differences: readonly string[];
  /** For how long it has been as it is: silent, different or neither. */
  readonly seconds: number;
}

export interface TableHealth {
  readonly name: string;
  /** So many targets are down that all are used. */
  readonly panic: boolean;
  readonly targets: readonly TargetHealth[];
}

export interface TargetHealth {
  readonly fwmark: number;
  readonly addresses: readonly string[];
  /** `unknown`, `up`, `down`, `damped`, `maintenance`, `unchecked`. */
  readonly state: string;
  /** Why it is not up: `192.168.1.1: connection refused`; empty if it is, or nothing is known. */
  readonly reason: string;
  /** What the last check found, if this is not the state yet: `192.168.1.1: no answer within 1 s (2 of 3)`; otherwise empty. */
  readonly lately: string;
  /** Why checks cannot be made, which says nothing about the target; empty if they can. */
  readonly trouble: string;
  /** Whether it is to be active. */
  readonly used: boolean;
  /** For how long it has been in this state, in seconds. */
  readonly since: number;
  readonly checks: { readonly passed: number; readonly failed: number; readonly downs: number };
}

/** Something that is not as it should be: the configuration file, or the set-up. */
export interface Degradation {
  /** The file's name, or `set-up`. */
  readonly subject: string;
  readonly problems: readonly string[];
  /** For how long. */
  readonly seconds: number;
}

/** The fast path: the program in the kernel, and what it did with packets. */
export interface FastPathStatus {
  /** Why nothing is decided in the kernel. */
  readonly trouble?: string;
  /** Destinations that it decides for, as CIDRs. */
  readonly vips: readonly string[];
  readonly interfaces: readonly FastInterface[];
  /** Octets of kernel memory. */
  readonly memory: number;
  /** By `FastReason`: packets that were marked, were not for a VIP, or were left to the queue. */
  readonly reasons: readonly Count[];
  /** Flows whose packets, or some of them, are left to the queue. */
  readonly unfit: readonly { readonly name: string; readonly why: string }[];
}

export interface FastInterface {
  readonly name: string;
  /** `attached`, `missing`, `failed`. */
  readonly state: string;
  /** `tcx` or `clsact`. */
  readonly by?: string;
  /** What failed, and what to do. */
  readonly problem?: string;
}

/** The options that a packet's decision depends on, with the values in force. A fwmark of −1 drops the packet. */
export interface DecisionOptions {
  /** Shared-memory name of the target table; absent with flows, which have their own. */
  readonly table?: string;
  /** Where flow commands are taken, as `NFQLB_FLOW_ADDRESS` has it; absent without flows. */
  readonly flowAddress?: string;
  /** Shared-memory name of the tier's table. */
  readonly tier?: string;
  readonly hashMode: number;
  readonly noTargetsFwmark: number;
  readonly noFlowFwmark: number;
  readonly promiscuousPing: boolean;
  /** UDP port that carries SCTP; 0 for none. */
  readonly udpEncapPort: number;
  /** The tun device; absent where no fragments are stored. */
  readonly tun?: string;
  /** Octets of the longest fragment that is stored. */
  readonly mtu: number;
  /** Whether UDP, and all else that shows no beginning, goes to the former target while targets change; absent in the status of an older version. */
  readonly drainsOthers?: boolean;
}

/** A queue as the kernel sees it, and its worker. */
export interface QueueStatus {
  readonly queue: number;
  /** Packets that may wait in it. */
  readonly length: number;
  /** Whether the kernel hands its packets to this program. */
  readonly bound: boolean;
  /** Packets waiting for a verdict. */
  readonly waiting: number;
  /** Packets that the kernel dropped because the queue was full, and because the socket was. */
  readonly queueDropped: number;
  readonly socketDropped: number;
  /** Seconds since the kernel last dropped one; absent when it has not since this program started, or in the status of an older version. */
  readonly sinceDrop?: number;
  /** How long the worker's loop has made no turn, in seconds; 0 while it turns. */
  readonly stalled: number;
  readonly counts: Counts;
}

export interface TargetStatus extends Count {
  readonly fwmark: number;
  /** Whether it is in a table that is in use. */
  readonly active: boolean;
}

export interface TableStatus {
  readonly name: string;
  /** Whether a table of that name exists; the other numbers are 0 if not. */
  readonly present: boolean;
  readonly buckets: number;
  /** Number of active targets. */
  readonly targets: number;
  /** Changes since the table was created; absent for tables of C nfqlb, which does not count them. */
  readonly changes?: number;
  /** Buckets in transition, and targets that only keep old connections; absent in the status of an older version. */
  readonly inTransition?: number;
  readonly draining?: readonly number[];
  /** The same on every load balancer that has the same targets; absent in the status of an older version. */
  readonly digest?: number;
}
