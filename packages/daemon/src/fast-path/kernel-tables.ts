import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionSet } from '@nfqlb/core';
import type { FwmarkLookup } from '@nfqlb/core/maglev';
import { machineTime } from '@nfqlb/native';
import { MappedTable } from '../worker/mapped-table.js';

/** How long to map tables before other work of the thread gets its turn, in milliseconds. */
const STEP_MS = 5;

interface KernelTable {
  readonly name: string;
  /** `undefined` while there is no usable table of that name. */
  mapped: MappedTable | undefined;
}

/** The target tables that the kernel's program decides by. A worker has its own ({@link MappedTable}), which it refreshes itself. */
export class KernelTables {
  #tables: readonly KernelTable[] = [];
  #lookups: readonly (FwmarkLookup | undefined)[] = [];
  /** Tables whose replacement is being filled. */
  readonly #incomplete = new Set<KernelTable>();
  readonly #connections: ConnectionSet;

  /** @param connections those that workers remember: packets of buckets in which a connection has another target are for the queue */
  constructor(connections: ConnectionSet) {
    this.#connections = connections;
  }

  /** By index; `undefined` for a table that is missing. To be refreshed now. */
  get lookups(): readonly (FwmarkLookup | undefined)[] {
    this.#connections.now = machineTime();
    return this.#lookups;
  }

  /** Maps these tables, and unmaps others. Takes several turns of the event loop if there are many. */
  async use(names: readonly string[]): Promise<void> {
    const known = new Map(this.#tables.map((table) => [table.name, table]));
    const next: KernelTable[] = [];
    let until = performance.now() + STEP_MS;
    for (const name of names) {
      next.push(known.get(name) ?? { name, mapped: this.#open(name) });
      if (performance.now() < until) continue;
      await nextTurn();
      until = performance.now() + STEP_MS;
    }
    const used = new Set(next);
    for (const table of this.#tables) if (!used.has(table)) table.mapped?.close();
    for (const table of this.#incomplete) if (!used.has(table)) this.#incomplete.delete(table);
    this.#tables = next;
    this.#update();
  }

  /** Maps tables whose memory C nfqlb has truncated, to rewrite it, or had not filled yet. Costs a few loads a table. */
  repair(): void {
    const broken = this.#tables.filter((table) => table.mapped?.intact === false || this.#incomplete.has(table));
    if (broken.length > 0) this.#renew(broken);
  }

  /**
   * Maps tables that were replaced, or created. Deleted ones stay in use until there are new ones.
   *
   * @param name default: examines all, with a system call for each
   */
  examine(name?: string): void {
    const suspects = name === undefined ? this.#tables : this.#tables.filter((table) => table.name === name);
    this.#renew(suspects.filter(({ mapped }) => mapped === undefined || (!mapped.isCurrent && mapped.exists)));
  }

  close(): void {
    for (const { mapped } of this.#tables) mapped?.close();
    this.#tables = [];
    this.#update();
  }

  #renew(tables: readonly KernelTable[]): void {
    for (const table of tables) {
      this.#incomplete.delete(table);
      table.mapped ??= this.#open(table.name);
      if (table.mapped === undefined || (table.mapped.intact && table.mapped.isCurrent)) continue;
      if (!table.mapped.renew()) this.#incomplete.add(table);
    }
    this.#update();
  }

  #open(name: string): MappedTable | undefined {
    try {
      return new MappedTable(name, this.#connections);
    } catch {
      return undefined;
    }
  }

  #update(): void {
    this.#lookups = this.#tables.map(({ mapped }) => mapped?.lookup);
  }
}
