import type { Machine } from './machine.js';

/** What `pnpm bench:growth` writes: what deciding a packet costs, against the size of something. No network is involved. */
export interface GrowthRun {
  readonly kind: 'growth';
  /** Day, in UTC. */
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly axes: readonly GrowthAxis[];
}

/** What grows. */
export interface GrowthAxis {
  /** One of {@link GROWTH}. */
  readonly name: string;
  readonly points: readonly GrowthPoint[];
}

export interface GrowthPoint {
  /** The size. */
  readonly at: number;
  /** Per packet, of each round. */
  readonly nanoseconds: readonly number[];
  /** Memory of what a packet is looked up in. */
  readonly octets: number;
}
