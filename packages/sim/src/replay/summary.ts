import { REASON_NAMES, type TargetTable } from '@nfqlb/core';
import type { Capture } from '../captures/capture.js';
import type { Tally } from './tally.js';

/** What a replay came to, for a reader: a table of the targets, then what was dropped and what could not be used. */
export function summary(capture: Capture, table: TargetTable, tally: Tally): string {
  const lines = [`${capture.name}: ${count(tally.packets, 'packet')}, ${count(tally.octets, 'byte')}`, ''];
  const accepted = tally.accepted.reduce((sum, n) => sum + n, 0);
  const rows = [...tally.targets].sort(([a], [b]) => a - b);
  if (rows.length > 0) {
    lines.push(
      ...columns([
        ['target', 'packets', 'bytes', 'share', 'ideal'],
        ...rows.map(([fwmark, { packets, octets, ideal }]) => [
          String(fwmark),
          number(packets),
          number(octets),
          percent(packets, accepted),
          ideal > 0 ? percent(ideal, accepted) : '-',
        ]),
      ]),
      '',
    );
  }
  const active = table.active.filter((fwmark) => fwmark >= 0).length;
  lines.push(`table: M=${table.M}, N=${table.N}, permutation ${table.permutation}, ${count(active, 'target')} active at the end`);
  const dropped = tally.dropped.reduce((sum, n) => sum + n, 0);
  lines.push(`dropped: ${number(dropped)}${reasons(tally.dropped)}`);
  if (capture.notIp > 0) lines.push(`skipped: ${count(capture.notIp, 'frame')} without an IP packet`);
  if (capture.cut > 0) lines.push(`cut: ${count(capture.cut, 'packet')} decided on what the capture has of them`);
  return `${lines.join('\n')}\n`;
}

function reasons(counts: Float64Array): string {
  const found = REASON_NAMES.flatMap((name, reason) => (counts[reason]! > 0 ? [`${name} ${number(counts[reason]!)}`] : []));
  return found.length > 0 ? ` (${found.join(', ')})` : '';
}

/** Right-aligned columns, two spaces apart. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')}`);
}

/** With commas between thousands, whatever the user's locale: the same input gives the same output. */
function number(n: number): string {
  return n.toLocaleString('en-US');
}

function count(n: number, what: string): string {
  return `${number(n)} ${what}${n === 1 ? '' : 's'}`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(2)}%`;
}
