import type { TargetTable } from '@nfqlb/core';
import { SharedMemory } from '@nfqlb/native';
import { openTable, type SharedTable } from '@nfqlb/protocol/tables';

/** Maximum number of tables that stay mapped, since each takes a descriptor; further tables are mapped for each look. */
const MAX_MAPPED = 256;

/** The state of a table. */
export type Observation =
  | { readonly kind: 'present'; readonly identity: string; readonly table: TargetTable }
  | { readonly kind: 'absent' }
  /** Incomplete (C nfqlb fills a table in place), not a table, or owned by another user. */
  | { readonly kind: 'unusable'; readonly identity: string; readonly error: unknown };

/** Looks at target tables by name, for all parts of the main thread. */
export class TableObserver {
  readonly #mapped = new Map<string, SharedTable>();

  /** Identity of the table with this name; `undefined` if there is none. Cheap: maps nothing. */
  identityOf(name: string): string | undefined {
    return SharedMemory.identity(name);
  }

  /** Looks at a table. Do not keep what is passed to `use`. */
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

  /** Unmaps all tables except these. */
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
