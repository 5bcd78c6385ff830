import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { FwmarkLookup, TargetTable } from '@nfqlb/core';
import type { TableFacts } from './facts.js';
import { readable } from './readable.js';

const SHARED_MEMORY = '/dev/shm';

/** Larger than any table in use; what others keep there need not be read. */
const MAX_SIZE = 64 << 20;

/** The target tables in shared memory, which is one for all network namespaces. `undefined` where some of it may not be read. */
export function readTables(): TableFacts[] | undefined {
  const names = (readable(() => readdirSync(SHARED_MEMORY)) ?? []).sort();
  const looks = names.map((name) => ({ name, ...look(() => readTable(`${SHARED_MEMORY}/${name}`)) }));
  if (looks.some(({ isForbidden }) => isForbidden)) return undefined;
  const tables = looks.flatMap(({ name, found }) => (found ? [{ name, ...found }] : []));
  if (tables.length === 0) return [];
  const { users, areAll } = findUsers();
  return tables.map((table) => ({ ...table, usedBy: users.get(table.name) ?? (areAll ? 'nobody' : 'unknown') }));
}

/** As {@link readable}, but tells what may not be read from what is not there. */
function look<T>(read: () => T): { found: T | undefined; isForbidden: boolean } {
  try {
    return { found: read(), isForbidden: false };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { found: undefined, isForbidden: code === 'EACCES' || code === 'EPERM' };
  }
}

function readTable(path: string): Omit<TableFacts, 'name' | 'usedBy'> | undefined {
  const stats = statSync(path);
  // To open a pipe would be to wait for its writer.
  if (!stats.isFile() || stats.size > MAX_SIZE) return undefined;
  const table = TargetTable.open(new Uint8Array(readFileSync(path)).buffer);
  const buckets = new Map<number, number>();
  for (const fwmark of new FwmarkLookup(table).fwmarks) buckets.set(fwmark, (buckets.get(fwmark) ?? 0) + 1);
  const { M, N, ownFwmark } = table;
  return { M, N, ownFwmark, active: table.fwmarks, buckets };
}

/** By the name of shared memory, where the programs are that have it mapped; and whether all programs could be asked. */
function findUsers(): { users: ReadonlyMap<string, 'here' | 'elsewhere'>; areAll: boolean } {
  const own = readlinkSync('/proc/self/ns/net');
  const users = new Map<string, 'here' | 'elsewhere'>();
  let areAll = true;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const { found: maps = '', isForbidden } = look(() => readFileSync(`/proc/${pid}/maps`, 'latin1'));
    if (isForbidden) areAll = false;
    const names = [...maps.matchAll(/ \/dev\/shm\/(.+)$/gm)].map((match) => match[1]!);
    if (names.length === 0) continue;
    const isHere = readable(() => readlinkSync(`/proc/${pid}/ns/net`)) === own;
    for (const name of names) if (isHere || !users.has(name)) users.set(name, isHere ? 'here' : 'elsewhere');
  }
  return { users, areAll };
}
