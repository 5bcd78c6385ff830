import type { TableStatus } from '@nfqlb/protocol/status';
import { monotonicNow } from '../fragments/monotonic-clock.js';
import type { Observation, TableObserver } from './table-observer.js';

/** The tables in use, as reported in the status. */
export class TableStates {
  readonly #observer: TableObserver;

  /** The fwmarks active in any of the tables at the last {@link look}. */
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
    const { M, fwmarks, generation, draining } = seen.table;
    for (const fwmark of fwmarks) this.active.add(fwmark);
    // The generation is odd while the table is being written.
    const changes = generation === undefined ? {} : { changes: generation >>> 1 };
    const inTransition = seen.table.bucketsInTransition(monotonicNow());
    return { name, present: true, buckets: M, targets: fwmarks.length, ...changes, inTransition, draining };
  }
}
