import type { TargetTable } from '@nfqlb/core';
import { SharedMemory } from '@nfqlb/native';
import { openTable, type SharedTable } from '@nfqlb/protocol/tables';

/** Tables that stay mapped, each of which takes a descriptor; others are mapped for each look. */
const MAX_MAPPED = 256;

/** What a table's name leads to now. */
export type Observation =
  | { readonly kind: 'present'; readonly identity: string; readonly table: TargetTable }
  | { readonly kind: 'absent' }
  /** Not written yet (C nfqlb fills a table in place), no table, or another user's. */
  | { readonly kind: 'unusable'; readonly identity: string; readonly error: unknown };

/** Looks at target tables by their names, for everything in the main thread that wants to know about them. */
export class TableObserver {
  readonly #mapped = new Map<string, SharedTable>();

  /** Which table a name leads to; `undefined` for none. Cheap: nothing is mapped for it. */
  identityOf(name: string): string | undefined {
    return SharedMemory.identity(name);
  }

  /** Looks at a table. What is seen must not be kept after `use`. */
  look<T>(name: string, use: (seen: Observation) => T): T {
    const identity = this.identityOf(name);
    const known = this.#mapped.get(name);
    if (known && known.memory.identity === identity && known.table.intact) return use({ kind: 'present', identity, table: known.table });
    this.#forget(name);
    if (identity === undefined) return use({ kind: 'absent' });
    let shared: SharedTable;
    try {
      shared = openTable(name, { readOnly: true });
    } catch (error) {
      return use({ kind: 'unusable', identity, error });
    }
    const stays = this.#mapped.size < MAX_MAPPED;
    if (stays) this.#mapped.set(name, shared);
    try {
      return use({ kind: 'present', identity: shared.memory.identity, table: shared.table });
    } finally {
      if (!stays) shared.memory.close();
    }
  }

  /** Forgets all tables but these, which then are in memory no longer than others use them. */
  retain(names: { has(name: string): boolean }): void {
    for (const name of this.#mapped.keys()) if (!names.has(name)) this.#forget(name);
  }

  close(): void {
    this.retain(new Set());
  }

  #forget(name: string): void {
    this.#mapped.get(name)?.memory.close();
    this.#mapped.delete(name);
  }
}
