import type { Received } from '../traffic/receiver.js';

export type Family = 4 | 6;

/** What was measured of one contender in one round of a scenario. What is absent does not apply to the scenario, or not to the contender. */
export interface Figures {
  /** At saturation: IP packets, connections or bits per second that arrived, by the scenario. */
  readonly rate: number;
  /** What the sender sent at saturation, per second. */
  readonly offered?: number;
  readonly costs: readonly Cost[];
  readonly latency?: Latency;
  /** At {@link LOSS_LOAD} of its own saturation. */
  readonly loss?: Loss;
  /** Packets that the kernel dropped because a queue, or its listener's socket, was full. */
  readonly drops?: Drops;
  readonly process?: ProcessFigures;
}

/** The part of its own saturation at which a contender should lose nothing. */
export const LOSS_LOAD = 0.6;

/** More than this part lost: the measurement says something of an overload only. */
export const OVERLOAD = 0.01;

/** CPU time of the whole machine, including sender and receiver. */
export interface Cost {
  /** Packets (or connections) per second. */
  readonly rate: number;
  /** Packets per wake-up of the sender. */
  readonly burst: number;
  /** Microseconds for each packet, or connection. */
  readonly each: number;
  /** The same from the sampled times of /proc/stat. */
  readonly eachSampled: number;
  readonly lostShare: number;
}

export interface Latency {
  /** Packets (or connections) per second. */
  readonly rate: number;
  /** Microseconds: of a packet from the sender's system call to the receiver's, of a connection until its answer. */
  readonly times: Received['latency'];
  readonly lostShare: number;
}

export interface Loss {
  readonly rate: number;
  readonly share: number;
}

export interface Drops {
  readonly atSaturation: number;
  /** In the other measurements. */
  readonly otherwise: number;
}

/** Of the load balancer's process. */
export interface ProcessFigures {
  /** Resident memory at the end, octets. */
  readonly resident: number;
  /** Garbage collections of all its threads; absent for a program that has none. */
  readonly collections?: Collections;
}

export interface Collections {
  readonly count: number;
  /** How long they took together, and the longest, milliseconds. */
  readonly total: number;
  readonly longest: number;
}
