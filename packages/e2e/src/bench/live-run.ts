import type { Machine } from './machine.js';
import type { Conditions } from './measurement.js';
import type { ScenarioResult } from './run-scenario.js';

/** What `pnpm bench:live` writes. */
export interface LiveRun {
  readonly kind: 'live';
  /** Day, in UTC: `2026-11-29`. */
  readonly date: string;
  readonly machine: Machine;
  /** CPUs that other programs kept busy before it began. */
  readonly busy: number;
  readonly rounds: number;
  readonly conditions: Conditions;
  readonly results: readonly ScenarioResult[];
}
