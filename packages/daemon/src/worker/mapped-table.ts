import { FwmarkLookup } from '@nfqlb/core/maglev';
import { SharedMemory } from '@nfqlb/native/shared-memory';
import { type SharedTable, useTable } from '@nfqlb/protocol/tables';

/** The target table that a name leads to, as packets read it. It is mapped again when the name leads to another. */
export class MappedTable {
  readonly #name: string;
  #shared: SharedTable;
  #lookup: FwmarkLookup;

  /** @throws `NativeError` when there is none, `CoreError` when it is no table */
  constructor(name: string) {
    this.#name = name;
    this.#shared = useTable(name);
    this.#lookup = new FwmarkLookup(this.#shared.table);
  }

  /** Another one after {@link renew}. */
  get lookup(): FwmarkLookup {
    return this.#lookup;
  }

  /** Whether the memory still holds the table: C nfqlb's `init` over a table in use cuts it short and rewrites it in place. */
  get intact(): boolean {
    return this.#shared.table.intact;
  }

  /** Whether the name leads to this table still; to none, to another, or to one with another size otherwise. */
  get isCurrent(): boolean {
    return SharedMemory.identity(this.#name) === this.#shared.memory.identity;
  }

  /** Whether the name leads to any. */
  get isThere(): boolean {
    return SharedMemory.identity(this.#name) !== undefined;
  }

  close(): void {
    this.#shared.memory.close();
  }

  /**
   * Maps the table that the name leads to now.
   *
   * @returns false while that is not whole yet: the one in hand serves on
   */
  renew(): boolean {
    let shared: SharedTable | undefined;
    try {
      shared = useTable(this.#name);
      this.#lookup = new FwmarkLookup(shared.table);
    } catch {
      shared?.memory.close();
      return false;
    }
    this.#shared.memory.close();
    this.#shared = shared;
    return true;
  }
}
