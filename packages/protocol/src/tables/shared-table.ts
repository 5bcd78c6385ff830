// Target tables by their names in shared memory.

import { CoreError, type TableOptions, TargetTable } from '@nfqlb/core/maglev';
import { NativeError } from '@nfqlb/native';
import { type OpenOptions, SharedMemory } from '@nfqlb/native/shared-memory';

/** Name of the table when a command is given none. */
export const DEFAULT_TABLE = 'nfqlb';

/** How long a change waits for another program's, in milliseconds. A change takes some, at the most. */
const LOCK_PATIENCE = 2000;

/** A table and the memory that it is in, mapped until that is closed. */
export interface SharedTable {
  readonly memory: SharedMemory;
  readonly table: TargetTable;
}

/** Creates the table of that name, whole with what `fill` puts into it; the one before, if any, stays with the programs that have it mapped. */
export function createTable(name: string, options: TableOptions, fill?: (table: TargetTable) => void): void {
  SharedMemory.create(name, TargetTable.byteLength(options), (buffer) => {
    const table = TargetTable.create(buffer, options);
    fill?.(table);
  });
}

/** @throws `NativeError` when there is none, `CoreError` when it is no table */
export function openTable(name: string, options: OpenOptions = {}): SharedTable {
  const memory = SharedMemory.open(name, options);
  try {
    return { memory, table: TargetTable.open(memory.buffer) };
  } catch (error) {
    memory.close();
    if (error instanceof CoreError) throw new CoreError(error.code, `shared memory ${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Opens the table of that name for a load balancer, and lets others see that it is used.
 *
 * @throws as {@link openTable}
 */
export function useTable(name: string): SharedTable {
  const shared = openTable(name);
  shared.memory.markUse();
  return shared;
}

/**
 * Refuses to replace the table of a load balancer in another container, which has the same /dev/shm and chose the same name by chance.
 *
 * @throws `NativeError` `EBUSY`
 */
export function requireUnusedElsewhere(name: string): void {
  let memory: SharedMemory;
  try {
    memory = SharedMemory.open(name, { readOnly: true });
  } catch {
    // None, or none that a load balancer would use.
    return;
  }
  try {
    if (!memory.isUsedElsewhere) return;
    throw new NativeError(
      'EBUSY',
      'replacing',
      `shared memory ${name}: a load balancer of another network namespace (another container?) uses this table: ` +
        `choose another name (--shm), or take it away first (nfqlb delete --shm=${name})`,
    );
  } finally {
    memory.close();
  }
}

/**
 * Reads the table of that name, which need not be ours to change.
 *
 * @throws as {@link openTable}, and what `read` throws
 */
export function readTable<T>(name: string, read: (table: TargetTable, memory: SharedMemory) => T): T {
  const { memory, table } = openTable(name, { readOnly: true });
  try {
    return read(table, memory);
  } finally {
    memory.close();
  }
}

/** Changes the table of that name while no other program does. */
export function changeTable(name: string, change: (table: TargetTable) => void): void {
  const { memory, table } = openTable(name);
  try {
    memory.locked(LOCK_PATIENCE, () => change(table));
  } finally {
    memory.close();
  }
}
