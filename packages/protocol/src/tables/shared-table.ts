// Target tables by their names in shared memory.

import { CoreError, type TableOptions, TargetTable } from '@nfqlb/core/maglev';
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
