// Which targets of a table are to be used.

import type { TargetState } from '../monitored.js';

export interface Use {
  /** So many are down that all are used. */
  readonly panic: boolean;
  /** For each target. */
  readonly used: readonly boolean[];
}

const UP: ReadonlySet<TargetState> = new Set(['unknown', 'up', 'unchecked']);

/**
 * @param states of the table's targets
 * @param threshold the largest share of targets, without those in maintenance, that may be out of use for their health
 */
export function useOf(states: readonly TargetState[], threshold: number): Use {
  const { down, available } = healthOf(states);
  const panic = down > threshold * available;
  return { panic, used: states.map((state) => state !== 'maintenance' && (panic || UP.has(state))) };
}

/** How many targets are down, of those that are not in maintenance. */
export function healthOf(states: readonly TargetState[]): { readonly down: number; readonly available: number } {
  const available = states.filter((state) => state !== 'maintenance');
  return { down: available.filter((state) => !UP.has(state)).length, available: available.length };
}
