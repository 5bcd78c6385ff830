import type { Target as ActiveTarget } from '@nfqlb/core';
import type { Decision } from '@nfqlb/core/explanation';
import type { SiteConfiguration } from './configuration.js';
import type { TimedPacket } from './traffic/traffic.js';
import type { WorldName } from './world-name.js';

/** A change of a table's targets. */
export type TargetChange =
  | { readonly what: 'activate'; readonly table: string; readonly target: Required<ActiveTarget> }
  /** @property drain seconds for which connections keep it; absent: those that the table says */
  | { readonly what: 'deactivate'; readonly table: string; readonly fwmarks: readonly number[]; readonly drain?: number };

/** What became of a packet. */
export interface Outcome {
  /** The fwmark by which it left; `undefined` if it did not, or has not yet. */
  fwmark: number | undefined;
  /** Of the load balancer that decided about it, from 1. */
  readonly loadBalancer: number;
  /** What the core says about it. */
  readonly decision: Decision;
  /** Identifies its connection; `undefined` if it belongs to none. */
  readonly connection: string | undefined;
  /** Whether it begins the connection, or only refers to it (an ICMP error). */
  readonly begins: boolean;
  readonly refers: boolean;
}

/** Where packets are sent through load balancers. */
export interface World extends AsyncDisposable {
  readonly name: WorldName;
  /** Whether there may be several load balancers. */
  readonly isTier: boolean;
  /** The active targets of each table. */
  active(): ReadonlyMap<string, readonly Required<ActiveTarget>[]>;
  /** Numbers of the load balancers that are there. */
  loadBalancers(): readonly number[];
  /** Sends packets at their times, and resolves when all have arrived that will. */
  send(packets: readonly TimedPacket[]): Promise<readonly Outcome[]>;
  change(change: TargetChange): Promise<void>;
  /** Makes tables, targets and flows those of another configuration. Its tables are the same, but for their targets and drains. */
  apply(configuration: SiteConfiguration): Promise<void>;
  loseLoadBalancer(number: number): Promise<void>;
  addLoadBalancer(number: number): Promise<void>;
  /** Lets time pass, in seconds. */
  wait(seconds: number): Promise<void>;
}
