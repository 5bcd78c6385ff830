/**
 * What iptables-restore is given, with `--noflush` so that it touches nothing else. It makes each table's changes at once, up to
 * its COMMIT: no packet sees half of them.
 */
import type { TableName } from './ownership.js';
import type { TableRules } from './packet-rules.js';
import type { SavedRules, SavedTable } from './saved-rules.js';

const NOTHING: SavedTable = { chains: [], jumps: [], rules: [] };

/** For removal: packets are kept out of the queue first, and guarded to the end. */
const REMOVAL_ORDER: readonly TableName[] = ['mangle', 'nat', 'filter'];

/** Lines that make `wanted` of what is there. */
export function restoreWanted(wanted: readonly TableRules[], saved: SavedRules): string[] {
  const unwanted = REMOVAL_ORDER.filter((table) => !wanted.some((rules) => rules.table === table));
  return [...wanted.flatMap((rules) => tableWanted(rules, saved.get(rules.table) ?? NOTHING)), ...removal(saved, unwanted)];
}

/** Lines that take away all that is ours. */
export function restoreNothing(saved: SavedRules): string[] {
  return removal(saved, REMOVAL_ORDER);
}

function tableWanted({ table, chains, jumps }: TableRules, saved: SavedTable): string[] {
  const kept = jumps.filter((jump) => saved.jumps.includes(jump));
  const superfluous = [...saved.jumps];
  for (const jump of kept) superfluous.splice(superfluous.indexOf(jump), 1);
  const abandoned = saved.chains.filter((chain) => !chains.has(chain));
  return [
    `*${table}`,
    // This line makes a chain, and empties one that is there.
    ...[...chains.keys()].map((chain) => `:${chain} - [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ...superfluous.map((jump) => `-D ${jump}`),
    // Before all others: a rule that accepts everything would leave nothing to those behind it.
    ...jumps.filter((jump) => !kept.includes(jump)).map((jump) => `-I ${jump}`),
    ...abandoned.flatMap(removeChain),
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
