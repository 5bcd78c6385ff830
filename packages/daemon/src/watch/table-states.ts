import { machineTime } from '@nfqlb/native';
import type { TableStatus } from '@nfqlb/protocol/status';
import { tableDigest } from './digest.js';
import type { Observation, TableObserver } from './table-observer.js';

/** The tables in use, as reported in the status. */
export class TableStates {
  readonly #observer: TableObserver;
  readonly #digests = new Map<string, { readonly identity: string; readonly generation: number; readonly digest: number }>();

  /** The fwmarks active in any of the tables at the last {@link look}. */
  readonly active: Set<number> = new Set();

  constructor(observer: TableObserver) {
    this.#observer = observer;
  }

  look(names: ReadonlySet<string>): TableStatus[] {
    this.active.clear();
    for (const name of this.#digests.keys()) if (!names.has(name)) this.#digests.delete(name);
    return [...names].map((name) => this.#observer.look(name, (seen) => this.#describe(name, seen)));
  }

  #describe(name: string, seen: Observation): TableStatus {
    if (seen.kind !== 'present') return { name, present: false, buckets: 0, targets: 0 };
    const { M, fwmarks, generation, draining } = seen.table;
    for (const fwmark of fwmarks) this.active.add(fwmark);
    // The generation is odd while the table is being written.
    const changes = generation === undefined ? {} : { changes: generation >>> 1 };
    const inTransition = seen.table.bucketsInTransition(machineTime());
    const digest = this.#digest(name, seen);
    return { name, present: true, buckets: M, targets: fwmarks.length, ...changes, inTransition, draining, digest };
  }

  /** A table may have a million buckets: its digest is made anew only when it has changed. Tables of C nfqlb do not count their changes. */
  #digest(name: string, { identity, table }: Extract<Observation, { kind: 'present' }>): number {
    const { generation } = table;
    const known = this.#digests.get(name);
    if (known && generation !== undefined && known.identity === identity && known.generation === generation) return known.digest;
    const digest = tableDigest(table);
    // Odd while the table is being written.
    if (generation !== undefined && generation % 2 === 0) this.#digests.set(name, { identity, generation, digest });
    return digest;
  }
}
