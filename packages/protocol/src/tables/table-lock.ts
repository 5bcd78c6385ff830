import { CoreError, type TableOptions, TargetTable } from '@nfqlb/core/maglev';
import { NativeError } from '@nfqlb/native';
import { SharedMemory } from '@nfqlb/native/shared-memory';
import { nameTable, noSuchTable, tableIn } from './shared-table.js';

/** How long a change waits for another program's, in milliseconds. A change takes a few; `apply` waits for flows to be compiled, too. */
export const LOCK_TIMEOUT_MS = 10_000;

/**
 * The name of a target table, locked: until it is released, no other program changes, replaces or deletes the table. C nfqlb knows no lock.
 *
 * The lock is that of the object which the name leads to (a killed program cannot leave it behind). Whoever gets it looks whether the name
 * still leads there: another program may have replaced the table meanwhile. A name that leads nowhere cannot be locked; a table is created
 * there only if no other program was faster.
 */
export class TableLock {
  readonly name: string;
  readonly #deadline: number;
  #memory: SharedMemory | undefined;
  /** Why the object of that name cannot be opened, and so not be locked: another user's, or none that ever was a table. */
  #unusable: NativeError | undefined;

  /** @throws {@link NativeError} `ETIMEDOUT` when another program holds it for longer than `timeout` milliseconds */
  constructor(name: string, timeout: number = LOCK_TIMEOUT_MS) {
    this.name = name;
    this.#deadline = performance.now() + timeout;
    this.#acquire();
  }

  /**
   * The table, `undefined` where there is none.
   *
   * @throws `NativeError` when it cannot be opened, `CoreError` for something that is no table
   */
  get table(): TargetTable | undefined {
    if (this.#unusable) throw this.#unusable;
    return this.#memory && tableIn(this.#memory);
  }

  /**
   * The table.
   *
   * @throws as {@link table}, and `NativeError` `ENOENT` where there is none
   */
  get existing(): TargetTable {
    const { table } = this;
    if (table) return table;
    throw noSuchTable(this.name);
  }

  /**
   * Creates the table, or replaces it; load balancers that have mapped the one before use the new one from now on.
   *
   * @param fill puts targets into it before anybody can open it
   * @throws `NativeError` `EBUSY` when a load balancer of another network namespace uses it, `ENOSPC`, …; nothing has changed then
   */
  replace(options: TableOptions, fill: (table: TargetTable) => void = () => {}): void {
    for (;;) {
      if (this.#memory?.isUsedElsewhere) throw usedElsewhere(this.name);
      try {
        const memory = createTable(this.name, options, fill, this.#memory !== undefined || this.#unusable !== undefined);
        this.release();
        this.#memory = memory;
        return;
      } catch (error) {
        // Another program was faster: the name leads to its table now, which this one replaces.
        if (!(error instanceof NativeError && error.code === 'EEXIST')) throw error;
        this.#acquire();
      }
    }
  }

  /** Deletes the table. It is no error if there is none. */
  delete(): void {
    // Where there was none, another program may have created one meanwhile.
    if (this.#memory || this.#unusable) SharedMemory.unlink(this.name);
    this.release();
  }

  /** Whether a load balancer uses the table. */
  get isUsed(): boolean {
    return this.#memory?.isUsed ?? false;
  }

  release(): void {
    this.#memory?.close();
    this.#memory = undefined;
    this.#unusable = undefined;
  }

  #acquire(): void {
    for (;;) {
      this.release();
      try {
        this.#memory = SharedMemory.open(this.name);
      } catch (error) {
        if (!(error instanceof NativeError)) throw error;
        if (error.code !== 'ENOENT') this.#unusable = error;
        return;
      }
      this.#memory.lock(Math.max(0, Math.ceil(this.#deadline - performance.now())));
      if (SharedMemory.identity(this.name) === this.#memory.identity) return;
    }
  }
}

/** Does `work` while no other program changes, replaces or deletes the table of that name. */
export function withTableLock<T>(name: string, work: (lock: TableLock) => T): T {
  const lock = new TableLock(name);
  try {
    return work(lock);
  } finally {
    lock.release();
  }
}

/** Changes the table of that name. Throws as {@link TableLock.existing}, and what `change` throws. */
export function changeTable(name: string, change: (table: TargetTable) => void): void {
  withTableLock(name, (lock) => change(lock.existing));
}

/**
 * Creates the table of that name, or replaces it.
 *
 * @returns the fwmarks that were active in the table before
 * @throws as {@link TableLock.replace}
 */
export function replaceTable(name: string, options: TableOptions, fill?: (table: TargetTable) => void): number[] {
  return withTableLock(name, (lock) => {
    const before = activeIn(lock);
    lock.replace(options, fill);
    return before;
  });
}

/** Whatever the name leads to may be replaced: what is no table, or may not be opened, has no targets. */
function activeIn(lock: TableLock): number[] {
  try {
    return lock.table?.fwmarks ?? [];
  } catch (error) {
    if (error instanceof NativeError || error instanceof CoreError) return [];
    throw error;
  }
}

/**
 * Creates the table of that name unless there is one.
 *
 * @returns whether it was created
 * @throws `NativeError`, `CoreError`
 */
export function createTableIfAbsent(name: string, options: TableOptions, fill?: (table: TargetTable) => void): boolean {
  try {
    createTable(name, options, fill, false).close();
    return true;
  } catch (error) {
    if (error instanceof NativeError && error.code === 'EEXIST') return false;
    throw error;
  }
}

function createTable(
  name: string,
  options: TableOptions,
  fill: ((table: TargetTable) => void) | undefined,
  replace: boolean,
): SharedMemory {
  const write = (buffer: ArrayBuffer): void => {
    const table = TargetTable.create(buffer, options);
    fill?.(table);
  };
  return SharedMemory.createLocked(name, TargetTable.byteLength(options), write, { replace });
}

function usedElsewhere(name: string): NativeError {
  return new NativeError(
    'EBUSY',
    'replacing',
    `${nameTable(name)}: a load balancer of another network namespace (another container?) uses this table: ` +
      `choose another name (--shm), or delete it first (nfqlb delete --shm=${name})`,
  );
}
