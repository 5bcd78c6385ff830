// Target tables in shared memory, by name.

import { CoreError, TargetTable } from '@nfqlb/core/maglev';
import { NativeError } from '@nfqlb/native';
import { type OpenOptions, SharedMemory } from '@nfqlb/native/shared-memory';

/** Default table name of commands. */
export const DEFAULT_TABLE = 'nfqlb';

/** A table and its memory, which is mapped until it is closed. */
export interface SharedTable {
  readonly memory: SharedMemory;
  readonly table: TargetTable;
}

/** How messages refer to the table. */
export function nameTable(name: string): string {
  return `shared memory ${name}`;
}

/** @throws `NativeError` if there is no such table, `CoreError` if it is not a table */
export function openTable(name: string, options: OpenOptions = {}): SharedTable {
  const memory = openMemory(name, options);
  try {
    return { memory, table: tableIn(memory) };
  } catch (error) {
    memory.close();
    throw error;
  }
}

/** @throws `CoreError` if the memory does not contain a table */
export function tableIn({ name, buffer }: SharedMemory): TargetTable {
  try {
    return TargetTable.open(buffer);
  } catch (error) {
    if (error instanceof CoreError) throw new CoreError(error.code, `${nameTable(name)}: ${error.message}`, { cause: error });
    throw error;
  }
}

function openMemory(name: string, options: OpenOptions): SharedMemory {
  try {
    return SharedMemory.open(name, options);
  } catch (error) {
    if (!(error instanceof NativeError && error.code === 'ENOENT')) throw error;
    throw noSuchTable(name, { cause: error });
  }
}

export function noSuchTable(name: string, options?: ErrorOptions): NativeError {
  return new NativeError('ENOENT', 'opening', `${nameTable(name)}: no such table; nfqlb init --shm=${name} creates it`, options);
}

/**
 * Opens a table for a load balancer, and marks it as in use for other programs.
 *
 * @throws as {@link openTable}
 */
export function useTable(name: string): SharedTable {
  const shared = openTable(name);
  shared.memory.markUse();
  return shared;
}

/**
 * Reads a table. Needs no write permission.
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
