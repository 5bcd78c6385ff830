import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { FwmarkLookup, TargetTable } from '@nfqlb/core';
import type { TableFacts } from './facts.js';
import { readable } from './readable.js';

const SHARED_MEMORY = '/dev/shm';

/** Larger than any table in use: larger files belong to others. */
const MAX_SIZE = 64 << 20;

/** The target tables in shared memory, which all network namespaces share. `undefined` if some of it is not readable. */
export function readTables(): TableFacts[] | undefined {
  const names = (readable(() => readdirSync(SHARED_MEMORY)) ?? []).sort();
  const results = names.map((name) => ({ name, ...tryRead(() => readTable(`${SHARED_MEMORY}/${name}`)) }));
  if (results.some(({ isForbidden }) => isForbidden)) return undefined;
  const tables = results.flatMap(({ name, found }) => (found ? [{ name, ...found }] : []));
  if (tables.length === 0) return [];
  const { users, isComplete } = findUsers();
  return tables.map((table) => ({ ...table, usedBy: users.get(table.name) ?? (isComplete ? 'nobody' : 'unknown') }));
}

/** Like {@link readable}, but tells forbidden from missing. */
function tryRead<T>(read: () => T): { found: T | undefined; isForbidden: boolean } {
  try {
    return { found: read(), isForbidden: false };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { found: undefined, isForbidden: code === 'EACCES' || code === 'EPERM' };
  }
}

function readTable(path: string): Omit<TableFacts, 'name' | 'usedBy'> | undefined {
  const stats = statSync(path);
  // Opening a pipe would wait for its writer.
  if (!stats.isFile() || stats.size > MAX_SIZE) return undefined;
  const table = TargetTable.open(new Uint8Array(readFileSync(path)).buffer);
  const buckets = new Map<number, number>();
  for (const fwmark of new FwmarkLookup(table).fwmarks) buckets.set(fwmark, (buckets.get(fwmark) ?? 0) + 1);
  const { M, N, ownFwmark } = table;
  return { M, N, ownFwmark, active: table.fwmarks, buckets };
}

/** By shared memory name, where the programs are that have it mapped; and whether all processes could be inspected. */
function findUsers(): { users: ReadonlyMap<string, 'here' | 'elsewhere'>; isComplete: boolean } {
  const own = readlinkSync('/proc/self/ns/net');
  const users = new Map<string, 'here' | 'elsewhere'>();
  let isComplete = true;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const { found: maps = '', isForbidden } = tryRead(() => readFileSync(`/proc/${pid}/maps`, 'latin1'));
    if (isForbidden) isComplete = false;
    const names = [...maps.matchAll(/ \/dev\/shm\/(.+)$/gm)].map((match) => match[1]!);
    if (names.length === 0) continue;
    const isHere = readable(() => readlinkSync(`/proc/${pid}/ns/net`)) === own;
    for (const name of names) if (isHere || !users.has(name)) users.set(name, isHere ? 'here' : 'elsewhere');
  }
  return { users, isComplete };
}
