import { CoreError, type TableOptions, TargetTable } from '@nfqlb/core/maglev';
import { NativeError } from '@nfqlb/native';
import { SharedMemory } from '@nfqlb/native/shared-memory';
import { giveNotice } from './change-notice.js';
import { nameTable, noSuchTable, tableIn } from './shared-table.js';

/** How long a change waits for another program's change. A change takes a few milliseconds; `apply` also waits until flows are compiled. */
export const LOCK_TIMEOUT_MS = 10_000;

/**
 * A lock on the name of a target table: until it is released, no other program changes, replaces or deletes the table. C nfqlb ignores the lock.
 *
 * It locks the shared memory object of that name (a killed program cannot leave the lock behind). After locking, it checks that the name still
 * refers to that object, because another program may have replaced the table meanwhile. A name without an object cannot be locked; a table of that
 * name is created only if no other program was faster.
 */
export class TableLock {
  readonly name: string;
  readonly #deadline: number;
  #memory: SharedMemory | undefined;
  /** Why the object of that name cannot be opened and locked: it belongs to another user, or was never a table. */
  #unusable: NativeError | undefined;

  /** @throws {@link NativeError} `ETIMEDOUT` if another program holds the lock for longer than `timeout` milliseconds */
  constructor(name: string, timeout: number = LOCK_TIMEOUT_MS) {
    this.name = name;
    this.#deadline = performance.now() + timeout;
    this.#acquire();
  }

  /**
   * The table; `undefined` if there is none.
   *
   * @throws `NativeError` if it cannot be opened, `CoreError` if it is not a table
   */
  get table(): TargetTable | undefined {
    if (this.#unusable) throw this.#unusable;
    return this.#memory && tableIn(this.#memory);
  }

  /**
   * The table.
   *
   * @throws as {@link table}, and `NativeError` `ENOENT` if there is none
   */
  get existing(): TargetTable {
    const { table } = this;
    if (table) return table;
    throw noSuchTable(this.name);
  }

  /**
   * Creates or replaces the table. Load balancers that have mapped the old one switch to the new one.
   *
   * @param fill adds targets before anybody can open the table
   * @throws `NativeError` `EBUSY` if a load balancer of another network namespace uses it, `ENOSPC`, …; then nothing has changed
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
        // Another program has created a table first: lock that one, and replace it.
        if (!(error instanceof NativeError && error.code === 'EEXIST')) throw error;
        this.#acquire();
      }
    }
  }

  /** Deletes the table, if there is one. */
  delete(): void {
    // If there was none, another program may have created one meanwhile, which must stay.
    if (this.#memory || this.#unusable) SharedMemory.unlink(this.name);
    this.release();
  }

  /** Whether a load balancer uses the table. */
  get isUsed(): boolean {
    return this.#memory?.isUsed ?? false;
  }

  /** Afterwards, load balancers look whether the table was changed. */
  release(): void {
    this.#memory?.close();
    if (this.#memory) giveNotice(this.name);
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

/** Calls `work` while no other program can change, replace or delete the table. */
export function withTableLock<T>(name: string, work: (lock: TableLock) => T): T {
  const lock = new TableLock(name);
  try {
    return work(lock);
  } finally {
    lock.release();
  }
}

/** Changes a table. Throws as {@link TableLock.existing}, and what `change` throws. */
export function changeTable(name: string, change: (table: TargetTable) => void): void {
  withTableLock(name, (lock) => change(lock.existing));
}

/**
 * Creates or replaces a table.
 *
 * @returns the fwmarks that were active in the old table
 * @throws as {@link TableLock.replace}
 */
export function replaceTable(name: string, options: TableOptions, fill?: (table: TargetTable) => void): number[] {
  return withTableLock(name, (lock) => {
    const before = activeIn(lock);
    lock.replace(options, fill);
    return before;
  });
}

/** Empty for anything that is not a table or cannot be opened, since that may be replaced, too. */
function activeIn(lock: TableLock): number[] {
  try {
    return lock.table?.fwmarks ?? [];
  } catch (error) {
    if (error instanceof NativeError || error instanceof CoreError) return [];
    throw error;
  }
}

/**
 * Creates a table, unless one of that name exists.
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
