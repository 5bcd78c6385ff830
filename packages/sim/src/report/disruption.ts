import type { TargetTable } from '@nfqlb/core';

/** What a change of a table's targets moved. */
export interface Disruption {
  /** Name of the table. */
  readonly table: string;
  readonly buckets: number;
  /** Buckets that have another target now. */
  readonly moved: number;
  /** Buckets that any way to hash must move, to give each target as many as it has now. */
  readonly least: number;
  /** Packets that the table decided since the change before, and those of them in buckets that moved. */
  readonly packets: number;
  readonly movedPackets: number;
}

/** Watches which buckets of a table packets use, and compares the table before and after a change. Memory: some octets for each bucket. */
export class WatchedTable {
  readonly #name: string;
  readonly #table: TargetTable;
  #before: Int32Array;
  readonly #packets: Float64Array;

  constructor(name: string, table: TargetTable) {
    this.#name = name;
    this.#table = table;
    this.#before = targetsOf(table);
    this.#packets = new Float64Array(table.M);
  }

  /** A packet was decided by this bucket. */
  use(bucket: number): void {
    this.#packets[bucket]!++;
  }

  /** What moved since the last call; `undefined` if nothing did. */
  compare(): Disruption | undefined {
    const [before, after] = [this.#before, targetsOf(this.#table)];
    const gained = new Map<number, number>();
    let [moved, packets, movedPackets] = [0, 0, 0];
    for (let bucket = 0; bucket < before.length; bucket++) {
      const [from, to] = [before[bucket]!, after[bucket]!];
      packets += this.#packets[bucket]!;
      if (from === to) continue;
      moved++;
      movedPackets += this.#packets[bucket]!;
      gained.set(to, (gained.get(to) ?? 0) + 1);
      gained.set(from, (gained.get(from) ?? 0) - 1);
    }
    if (moved === 0) return undefined;
    this.#before = after;
    this.#packets.fill(0);
    let least = 0;
    for (const buckets of gained.values()) least += Math.max(0, buckets);
    return { table: this.#name, buckets: before.length, moved, least, packets, movedPackets };
  }
}

/** Fwmark of each bucket, −1 for none. */
function targetsOf({ lookup, active }: TargetTable): Int32Array {
  return lookup.map((slot) => (slot < 0 ? -1 : active[slot]!));
}
