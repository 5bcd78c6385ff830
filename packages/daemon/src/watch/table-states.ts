import { SharedMemory } from '@nfqlb/native';
import type { TableStatus } from '@nfqlb/protocol/status';
import { openTable, type SharedTable } from '@nfqlb/protocol/tables';

/** Tables that stay mapped, each of which takes a descriptor; others are mapped for each look. */
const MAX_MAPPED = 256;

/** The tables in use as they are now. The main thread's. */
export class TableStates {
  readonly #tables = new Map<string, SharedTable>();

  /** The fwmarks that were active in any of the tables, at the last {@link look}. */
  readonly active: Set<number> = new Set();

  look(names: ReadonlySet<string>): TableStatus[] {
    for (const name of this.#tables.keys()) if (!names.has(name)) this.#forget(name);
    this.active.clear();
    return [...names].map((name) => this.#lookAt(name));
  }

  close(): void {
    for (const name of this.#tables.keys()) this.#forget(name);
  }

  #lookAt(name: string): TableStatus {
    const shared = this.#open(name);
    if (!shared) return { name, present: false, buckets: 0, targets: 0 };
    const status = this.#describe(name, shared);
    if (!this.#tables.has(name)) shared.memory.close();
    return status;
  }

  #describe(name: string, shared: SharedTable): TableStatus {
    const { M, active, generation } = shared.table;
    let targets = 0;
    for (const fwmark of active) {
      if (fwmark < 0) continue;
      this.active.add(fwmark);
      targets++;
    }
    // Odd while it is being written.
    const changes = generation === undefined ? {} : { changes: generation >>> 1 };
    return { name, present: true, buckets: M, targets, ...changes };
  }

  #open(name: string): SharedTable | undefined {
    const identity = SharedMemory.identity(name);
    const before = this.#tables.get(name);
    if (before && before.memory.identity === identity && before.table.intact) return before;
    this.#forget(name);
    if (identity === undefined) return undefined;
    try {
      const shared = openTable(name);
      if (this.#tables.size < MAX_MAPPED) this.#tables.set(name, shared);
      return shared;
    } catch {
      // Being written by C nfqlb, or no table.
      return undefined;
    }
  }

  #forget(name: string): void {
    this.#tables.get(name)?.memory.close();
    this.#tables.delete(name);
  }
}
