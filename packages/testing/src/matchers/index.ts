import { expect } from 'vitest';
import type { TargetName } from '../target.js';
import { type BalanceOptions, toBalanceWithin } from './to-balance-within.js';
import { toBreakNoConnection } from './to-break-no-connection.js';
import { type KeepOptions, toKeepTheirTarget } from './to-keep-their-target.js';
import { toReach, toReachNoTarget } from './to-reach.js';

/** What `expect` can say of sites and of what they delivered. */
export interface SiteMatchers<R = unknown> {
  /** All packets reached one of these targets (`web-1`, a fwmark, an address), or a target of these tables (`web`). With `not`, none did. */
  toReach(...names: [TargetName, ...TargetName[]]): R;
  /** No packet reached a target: each was dropped, or is stored. With `not`, all did. */
  toReachNoTarget(): R;
  /** Connections that were seen before go on to the target that their last packet reached. */
  toKeepTheirTarget(options?: KeepOptions): R;
  /** No connection lost its target: of those sent, or, with a site, of all since it began. */
  toBreakNoConnection(): R;
  /** Each active target's share of the connections is its weight's, give or take this part of it: 0.05 is five percent. */
  toBalanceWithin(tolerance: number, options?: BalanceOptions): R;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: must be declared as Vitest does
  interface Matchers<T = any> extends SiteMatchers<T> {}
}

expect.extend({ toReach, toReachNoTarget, toKeepTheirTarget, toBreakNoConnection, toBalanceWithin });
