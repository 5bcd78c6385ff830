import type { TableStatus } from '@nfqlb/protocol/status';
import type { Observation, TableObserver } from './table-observer.js';

/** The tables in use as the status tells them. */
export class TableStates {
  readonly #observer: TableObserver;

  /** The fwmarks that were active in any of the tables, at the last {@link look}. */
  readonly active: Set<number> = new Set();

  constructor(observer: TableObserver) {
    this.#observer = observer;
  }

  look(names: ReadonlySet<string>): TableStatus[] {
    this.active.clear();
    return [...names].map((name) => this.#observer.look(name, (seen) => this.#describe(name, seen)));
  }

  #describe(name: string, seen: Observation): TableStatus {
    if (seen.kind !== 'present') return { name, present: false, buckets: 0, targets: 0 };
    const { M, fwmarks, generation } = seen.table;
    for (const fwmark of fwmarks) this.active.add(fwmark);
    // Odd while it is being written.
    const changes = generation === undefined ? {} : { changes: generation >>> 1 };
    return { name, present: true, buckets: M, targets: fwmarks.length, ...changes };
  }
}
