// What the monitor is told to check, and what it says. Times are those of a monotonic clock.

import type { HealthSettings } from './settings/health-settings.js';

/** A table whose targets are checked. */
export interface MonitoredTable {
  /** Its shared-memory name, without a leading slash. */
  readonly name: string;
  /** When more than this share of the targets that are not in maintenance is down, all of these are used. 1: never. */
  readonly panic: number;
  /** Single addresses, for checks `to: vip`. */
  readonly vips: readonly string[];
  readonly targets: readonly MonitoredTarget[];
}

export interface MonitoredTarget {
  readonly fwmark: number;
  /** Its own, for checks `to: address`: a check passes if it passes for each. */
  readonly addresses: readonly string[];
  /** `undefined`: not checked, so always up. */
  readonly settings: HealthSettings | undefined;
  /** `drain: true` or `weight: 0`: not to be used, whatever its health. Its connections are to stay. */
  readonly maintenance: boolean;
}

/**
 * - `unknown`: no check has ended yet; used
 * - `up`
 * - `down`: `fall` checks in a row have failed (the very first one is enough)
 * - `damped`: checks pass again, but it went down too often
 * - `maintenance`: out of use by configuration; {@link TargetHealth.checks} says what checks found
 * - `unchecked`
 */
export type TargetState = 'unknown' | 'up' | 'down' | 'damped' | 'maintenance' | 'unchecked';

/** A target as shown by `show`, `top`, metrics and `--status`. */
export interface TargetHealth {
  readonly fwmark: number;
  readonly addresses: readonly string[];
  readonly state: TargetState;
  /** Why it is not up: `192.168.1.1: connection refused`, `went down too often, at last: …`; empty if it is, or nothing is known. */
  readonly reason: string;
  /** What the last check found, if this is not the state yet: `192.168.1.1: no answer within 1 s (2 of 3)`; otherwise empty. */
  readonly lately: string;
  /** Why checks cannot be made, which says nothing about the target: `too many open files`; empty if they can. */
  readonly trouble: string;
  /** Whether it is to be active in the table: it is up, or in panic, or there is no answer yet. */
  readonly used: boolean;
  /** For how long it has been in this state, in seconds. */
  readonly since: number;
  readonly checks: CheckCounts;
}

/** Since the monitor knows the target. */
export interface CheckCounts {
  readonly passed: number;
  readonly failed: number;
  /** Times it went down. */
  readonly downs: number;
}

export interface TableHealth {
  readonly name: string;
  /** All targets are used since too many are down. */
  readonly panic: boolean;
  readonly targets: readonly TargetHealth[];
}

/** One target that a table is to use from now on, or no longer. */
export interface UseChange {
  readonly fwmark: number;
  /** For the log: `192.168.1.1: connection refused`, `up again after 12 s`, `panic: 3 of 4 targets are down`, `maintenance`. */
  readonly reason: string;
  /** Whether connections of this target may stay with it, as long as the table's `drain` says. False for a target that is down. */
  readonly drain: boolean;
}

/** What is to change in a table, in one go. Never empty. */
export interface TableChange {
  readonly table: string;
  readonly activate: readonly UseChange[];
  readonly deactivate: readonly UseChange[];
  /** Whether the table is in panic after the change. */
  readonly panic: boolean;
}

/** Whom a monitor tells what it finds. */
export interface MonitorOptions {
  /** What a table is to use from now on. Called from the event loop, never from within `HealthMonitor.watch`. */
  readonly onChange: (change: TableChange) => void;
  /** A target's state has changed: one line of a log. */
  readonly onState?: (table: string, target: TargetHealth) => void;
}
