import type { ConnectionSet } from '@nfqlb/core';
import { FwmarkLookup } from '@nfqlb/core/maglev';
import { SharedMemory } from '@nfqlb/native/shared-memory';
import { type SharedTable, useTable } from '@nfqlb/protocol/tables';
import { tableNumber } from '../transition/shared-connections.js';

/** A target table by name, mapped for lookups. {@link renew} maps the new table when it was replaced. */
export class MappedTable {
  readonly #name: string;
  readonly #connections: ConnectionSet | undefined;
  #shared: SharedTable;
  #lookup: FwmarkLookup;

  /**
   * @param connections the remembered connections, if its connections may keep a former target
   * @throws `NativeError` if it does not exist, `CoreError` if it is not a table
   */
  constructor(name: string, connections?: ConnectionSet) {
    this.#name = name;
    this.#connections = connections;
    this.#shared = useTable(name);
    this.#lookup = this.#lookupOf(this.#shared);
  }

  /** Replaced by {@link renew}. */
  get lookup(): FwmarkLookup {
    return this.#lookup;
  }

  /** Whether the memory still holds the table: C nfqlb's `init` truncates a table in use and rewrites it in place. */
  get intact(): boolean {
    return this.#shared.table.intact;
  }

  /** Whether this is still the table of that name: not deleted, replaced or resized. */
  get isCurrent(): boolean {
    return SharedMemory.identity(this.#name) === this.#shared.memory.identity;
  }

  /** Whether any table of that name exists. */
  get exists(): boolean {
    return SharedMemory.identity(this.#name) !== undefined;
  }

  close(): void {
    this.#shared.memory.close();
  }

  /**
   * Maps the table that has the name now.
   *
   * @returns false if that is incomplete: the old one stays in use
   */
  renew(): boolean {
    let shared: SharedTable | undefined;
    try {
      shared = useTable(this.#name);
      this.#lookup = this.#lookupOf(shared);
    } catch {
      shared?.memory.close();
      return false;
    }
    this.#shared.memory.close();
    this.#shared = shared;
    return true;
  }

  #lookupOf({ table, memory }: SharedTable): FwmarkLookup {
    // A table that has replaced another one has no connections yet.
    return new FwmarkLookup(table, this.#connections, tableNumber(`${this.#name} ${memory.identity}`));
  }
}
