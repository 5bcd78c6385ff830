import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { TargetTable } from '@nfqlb/core';
import type { TableFacts } from './facts.js';
import { readable } from './readable.js';

const SHARED_MEMORY = '/dev/shm';

/** Larger than any table in use; what others keep there need not be read. */
const MAX_SIZE = 64 << 20;

/** The target tables in shared memory, which is one for all network namespaces. */
export function readTables(): TableFacts[] {
  const names = (readable(() => readdirSync(SHARED_MEMORY)) ?? []).sort();
  const tables = names.flatMap((name) => {
    const table = readable(() => openTable(`${SHARED_MEMORY}/${name}`));
    return table ? [{ name, M: table.M, N: table.N, active: [...table.active].filter((fwmark) => fwmark >= 0) }] : [];
  });
  if (tables.length === 0) return [];
  const users = findUsers();
  return tables.map((table) => ({ ...table, usedBy: users.get(table.name) ?? 'nobody' }));
}

function openTable(path: string): TargetTable | undefined {
  if (statSync(path).size > MAX_SIZE) return undefined;
  return TargetTable.open(new Uint8Array(readFileSync(path)).buffer);
}

/** By the name of shared memory, where the programs are that have it mapped. */
function findUsers(): Map<string, 'here' | 'elsewhere'> {
  const own = readlinkSync('/proc/self/ns/net');
  const users = new Map<string, 'here' | 'elsewhere'>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const maps = readable(() => readFileSync(`/proc/${pid}/maps`, 'latin1')) ?? '';
    const names = [...maps.matchAll(/ \/dev\/shm\/(.+)$/gm)].map((match) => match[1]!);
    if (names.length === 0) continue;
    const isHere = readable(() => readlinkSync(`/proc/${pid}/ns/net`)) === own;
    for (const name of names) if (isHere || !users.has(name)) users.set(name, isHere ? 'here' : 'elsewhere');
  }
  return users;
}
