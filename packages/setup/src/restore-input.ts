/**
 * Input for iptables-restore with `--noflush`, which leaves everything else alone. It applies each table atomically at its COMMIT:
 * no packet sees half of the changes.
 */
import type { TableName } from './ownership.js';
import type { TableRules } from './packet-rules.js';
import type { SavedRules, SavedTable } from './saved-rules.js';

const NOTHING: SavedTable = { chains: [], jumps: [], rules: [] };

/** Order of removal: first no more packets are queued; the guard goes last. */
const REMOVAL_ORDER: readonly TableName[] = ['mangle', 'nat', 'filter'];

/** Lines that turn the present rules into `wanted`. */
export function restoreWanted(wanted: readonly TableRules[], saved: SavedRules): string[] {
  const unwanted = REMOVAL_ORDER.filter((table) => !wanted.some((rules) => rules.table === table));
  return [...wanted.flatMap((rules) => tableWanted(rules, saved.get(rules.table) ?? NOTHING)), ...removal(saved, unwanted)];
}

/** Lines that remove everything of ours. */
export function restoreNothing(saved: SavedRules): string[] {
  return removal(saved, REMOVAL_ORDER);
}

function tableWanted({ table, chains, jumps }: TableRules, saved: SavedTable): string[] {
  const kept = jumps.filter((jump) => saved.jumps.includes(jump));
  const surplus = [...saved.jumps];
  for (const jump of kept) surplus.splice(surplus.indexOf(jump), 1);
  const obsolete = saved.chains.filter((chain) => !chains.has(chain));
  return [
    `*${table}`,
    // Creates the chain, or flushes an existing one.
    ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...surplus.map((jump) => `-D ${jump}`),
    // At the front: behind a rule that accepts everything they would see no packets.
    ...jumps.filter((jump) => !kept.includes(jump)).map((jump) => `-I ${jump}`),
    ...obsolete.flatMap(removeChain),
    'COMMIT',
  ];
}

function removal(saved: SavedRules, tables: readonly TableName[]): string[] {
  return tables.flatMap((table) => {
    const { chains, jumps } = saved.get(table) ?? NOTHING;
    if (chains.length === 0) return [];
    return [`*${table}`, ...jumps.map((jump) => `-D ${jump}`), ...chains.flatMap(removeChain), 'COMMIT'];
  });
}

function removeChain(chain: string): string[] {
  return [`-F ${chain}`, `-X ${chain}`];
}
