import type { Capture } from '@nfqlb/captures';
import { REASON_NAMES, type TargetTable } from '@nfqlb/core';
import { columns, number } from '../columns.js';
import type { BrokenConnections } from './broken-connections.js';
import type { ReplayedBalancer } from './replayed-balancer.js';
import type { FlowTally } from './replayed-flows.js';
import type { Tally, TargetTally } from './tally.js';

/**
 * Human-readable result of a replay: a table of the targets, then what was dropped and what was skipped.
 *
 * @param statistics the fragment table's, by name
 */
export function summary(
  capture: Capture,
  replayed: ReplayedBalancer,
  tally: Tally,
  statistics: Record<string, number>,
  broken?: BrokenConnections,
): string {
  const { tables, flows, tier } = replayed;
  const lines = [`${capture.name}: ${count(tally.packets, 'packet')}, ${count(tally.octets, 'byte')}`, ''];
  if (tally.targets.size > 0) lines.push(...targets(tally), '');
  if (tally.tier.size > 0) lines.push(...toTier(tally.tier), '');
  if (flows) lines.push(...flowLines(flows.tallies()), '');
  for (const [name, table] of tables)
    lines.push(describe(tables.size > 1 || flows ? `table ${name}` : 'table', table, 'target', ' at the end'));
  if (tier) lines.push(`${describe('tier', tier, 'load balancer')}, own fwmark ${tier.ownFwmark}`);
  const dropped = tally.dropped.reduce((sum, n) => sum + n, 0);
  lines.push(`dropped: ${number(dropped)}${reasons(tally.dropped)}`);
  if (broken) lines.push(...broken.describe(replayed.connections.counts));
  lines.push(...fragments(statistics, tally));
  if (capture.notIp > 0) lines.push(`skipped: ${count(capture.notIp, 'frame')} without an IP packet`);
  if (capture.cut > 0) lines.push(`cut: ${count(capture.cut, 'packet')} truncated in the capture, decided on what is there`);
  return `${lines.join('\n')}\n`;
}

function targets(tally: Tally): string[] {
  const { accepted } = tally;
  const showReinjected = tally.reinjected > 0;
  return columns([
    ['target', 'packets', ...(showReinjected ? ['re-injected'] : []), 'bytes', 'share', 'ideal'],
    ...sorted(tally.targets).map(([fwmark, { packets, reinjected, octets, ideal }]) => [
      String(fwmark),
      number(packets),
      ...(showReinjected ? [number(reinjected)] : []),
      number(octets),
      percent(packets, accepted),
      ideal > 0 ? percent(ideal, accepted) : '-',
    ]),
  ]);
}

function flowLines(tallies: readonly FlowTally[]): string[] {
  return columns([['flow', 'packets', 'table'], ...tallies.map(({ name, target, packets }) => [name, number(packets), target])]);
}

function toTier(tier: ReadonlyMap<number, TargetTally>): string[] {
  const rows = sorted(tier).map(([fwmark, { packets, octets }]) => [String(fwmark), number(packets), number(octets)]);
  return columns([['to tier', 'packets', 'bytes'], ...rows]);
}

function describe(name: string, table: TargetTable, what: string, when = ''): string {
  const active = table.fwmarks.length;
  return `${name}: M=${table.M}, N=${table.N}, permutation ${table.permutation}${table.hashKey ? ', hash siphash' : ''}, ${count(active, what)} active${when}`;
}

/** The fate of stored fragments, and the fragment table's statistics; empty if the table was not used. */
function fragments(statistics: Record<string, number>, tally: Tally): string[] {
  if (statistics.lookups === 0) return [];
  const { fragsDiscarded = 0, fragsUsed = 0 } = statistics;
  const fates = `${number(tally.reinjected)} re-injected, ${number(fragsDiscarded)} discarded, ${number(fragsUsed)} still stored`;
  const stored = tally.stored > 0 ? [`stored: ${count(tally.stored, 'fragment')} (${fates})`] : [];
  const pairs = Object.entries(statistics).map(([name, value]) => `${name} ${number(value)}`);
  const rows = Array.from({ length: Math.ceil(pairs.length / PER_LINE) }, (_, row) => pairs.slice(row * PER_LINE, (row + 1) * PER_LINE));
  return [...stored, 'fragment table:', ...rows.map((row) => `  ${row.join(', ')}`)];
}

/** Statistics per line. */
const PER_LINE = 6;

function reasons(counts: Float64Array): string {
  const found = REASON_NAMES.flatMap((name, reason) => (counts[reason]! > 0 ? [`${name} ${number(counts[reason]!)}`] : []));
  return found.length > 0 ? ` (${found.join(', ')})` : '';
}

function sorted(tallies: ReadonlyMap<number, TargetTally>): [number, TargetTally][] {
  return [...tallies].sort(([a], [b]) => a - b);
}

function count(n: number, what: string): string {
  return `${number(n)} ${what}${n === 1 ? '' : 's'}`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(2)}%`;
}
