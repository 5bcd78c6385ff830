import { checkTarget } from './check/check-target.js';
import type { MonitoredTable, MonitorOptions, TableHealth } from './monitored.js';
import { SocketPoll } from './socket/socket-poll.js';
import { TableWatch } from './table-watch.js';

/** Checks targets until it is closed. index.ts has an example. */
export class HealthMonitor {
  readonly #options: MonitorOptions;
  readonly #poll = new SocketPoll();
  readonly #tables = new Map<string, TableWatch>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Declares all tables and their targets. Targets that are still there, by table and fwmark, keep their state. */
  watch(tables: readonly MonitoredTable[]): void {
    const names = new Set(tables.map(({ name }) => name));
    for (const [name, table] of this.#tables) {
      if (names.has(name)) continue;
      table.close();
      this.#tables.delete(name);
    }
    for (const table of tables) {
      const known = this.#tables.get(table.name);
      if (known) known.declare(table);
      else this.#tables.set(table.name, new TableWatch(table, this.#options, (check) => checkTarget(check, this.#poll)));
    }
  }

  /** Waits until each target that is watched now has had a result, or cannot be checked. */
  async settled(): Promise<void> {
    await Promise.all([...this.#tables.values()].map((table) => table.settled()));
  }

  /** The fwmarks that are to be active in a table; `undefined` for a table that is not watched. */
  used(table: string): ReadonlySet<number> | undefined {
    return this.#tables.get(table)?.used;
  }

  /** All tables, as declared. */
  status(): TableHealth[] {
    return [...this.#tables.values()].map((table) => table.status());
  }

  /** Checks no more, and waits for programs of checks to end. Nothing is called any more. */
  async close(): Promise<void> {
    const closed = [...this.#tables.values()].map((table) => table.close());
    this.#tables.clear();
    await Promise.all(closed);
    this.#poll.close();
  }
}
