import { REASON_NAMES, type Reason } from '@nfqlb/core';
import { idealShares } from '../replay/ideal-shares.js';
import type { ReplayedBalancer } from '../replay/replayed-balancer.js';
import { type Disruption, WatchedTable } from './disruption.js';
import { Intervals, type Series } from './intervals.js';

/** A change that was made, in seconds after the first packet, and what it moved in each table. */
export interface MadeChange {
  readonly time: number;
  readonly command: string;
  readonly disruptions: readonly Disruption[];
}

/** What a target got in each interval, and what it would have got if its table were perfect. */
export interface TargetSeries {
  readonly packets: Series;
  readonly ideal: Series;
}

/** What happened when in a replay, in memory that does not grow with the capture. */
export class Timeline {
  readonly intervals: Intervals = new Intervals();
  readonly changes: MadeChange[] = [];
  /** By fwmark: targets that got a packet, or should have. */
  readonly targets: Map<number, TargetSeries> = new Map();
  /** Packets by {@link Reason}. */
  readonly reasons: readonly Series[] = REASON_NAMES.map(() => this.intervals.series('sum'));
  /** The fragment table at the end of each interval, the highest of those that were merged: datagrams, and places for stored fragments in use. */
  readonly datagrams: Series = this.intervals.series('maximum');
  readonly stored: Series = this.intervals.series('maximum');

  readonly #replayed: ReplayedBalancer;
  readonly #watched: ReadonlyMap<string, WatchedTable>;
  /** By fwmark: packets in the present interval since the last change. */
  readonly #packets = new Map<number, number>();
  #time = Number.NaN;
  #interval = -1;
  #seconds = 0;
  #lookups = 0;
  #occupied = false;

  /** Call before the first change of the replayed tables. */
  constructor(replayed: ReplayedBalancer) {
    this.#replayed = replayed;
    this.#watched = new Map([...replayed.tables].map(([name, table]) => [name, new WatchedTable(name, table)]));
  }

  /**
   * Counts the packet that was just decided.
   *
   * @param time seconds after the first packet
   * @param isTarget whether the fwmark, if any, is a target's, and not another load balancer's
   * @param table name of the table that was asked, if any, and its bucket
   */
  count(time: number, fwmark: number, reason: Reason, isTarget: boolean, table: string | undefined, bucket: number): void {
    if (time !== this.#time) this.#enter(time);
    this.reasons[reason]!.values[this.#interval]!++;
    if (table !== undefined) this.#watched.get(table)!.use(bucket);
    if (fwmark < 0 || !isTarget) return;
    this.#seriesOf(fwmark).packets.values[this.#interval]!++;
    this.#packets.set(fwmark, (this.#packets.get(fwmark) ?? 0) + 1);
  }

  /** Call before a change is made: later packets are shared among other targets. */
  endStretch(): void {
    if (this.#packets.size === 0) return;
    idealShares(
      this.#replayed.tables.values(),
      (fwmark) => this.#packets.get(fwmark) ?? 0,
      (fwmark, packets) => {
        this.#seriesOf(fwmark).ideal.values[this.#interval]! += packets;
      },
    );
    this.#packets.clear();
  }

  /** Notes a change that has been made. */
  change(time: number, command: string): void {
    const disruptions = [...this.#watched.values()].map((table) => table.compare()).filter((found) => found !== undefined);
    this.changes.push({ time, command, disruptions });
  }

  /** Call after the last packet. */
  end(): void {
    if (this.#interval < 0) return;
    this.endStretch();
    this.#sample();
  }

  /** Goes to another time; a new interval begins if the present one has ended. */
  #enter(time: number): void {
    this.#time = time;
    const { intervals } = this;
    if (intervals.seconds === this.#seconds && intervals.contains(this.#interval, time)) return;
    this.end();
    this.#interval = intervals.reach(time);
    this.#seconds = intervals.seconds;
  }

  /** Looks at the fragment table, unless it is empty and no fragment has come since. */
  #sample(): void {
    const { fragments } = this.#replayed;
    const { lookups } = fragments;
    if (lookups === this.#lookups && !this.#occupied) return;
    this.#lookups = lookups;
    const { datagrams, stored } = fragments.occupancy();
    this.#occupied = datagrams > 0 || stored > 0;
    const at = this.#interval;
    this.datagrams.values[at] = Math.max(this.datagrams.values[at]!, datagrams);
    this.stored.values[at] = Math.max(this.stored.values[at]!, stored);
  }

  #seriesOf(fwmark: number): TargetSeries {
    const known = this.targets.get(fwmark);
    if (known) return known;
    const series = { packets: this.intervals.series('sum'), ideal: this.intervals.series('sum') };
    this.targets.set(fwmark, series);
    return series;
  }
}
