import { printable } from '@nfqlb/core/explanation';
import type { Status, TableHealth, TargetHealth } from '@nfqlb/protocol/status';
import { whyOf } from '../health/target-states.js';
import { duration } from '../written-numbers.js';

/** What `nfqlb run --status` prints of one load balancer, as lines. */
export function statusText(status: Status): string[] {
  const { file, pid, queues, problems, degradations = [], version, uptime } = status;
  const [first, last] = [queues[0]!.queue, queues.at(-1)!.queue];
  const about = [`queue${first === last ? ` ${first}` : `s ${first} to ${last}`}`, `pid ${pid}`, `up ${duration(uptime)}`, version];
  return [
    `${file}: ${problems.length > 0 ? 'not healthy' : degradations.length > 0 ? 'degraded' : 'healthy'}, ${about.join(', ')}`,
    ...problems.map((problem) => `not healthy: ${problem}`),
    ...degradations.flatMap(({ subject, seconds, problems }) =>
      problems.map((problem) => `${subject}: degraded for ${duration(seconds)}: ${problem}`),
    ),
    ...tablesOf(status).flatMap(tableLines),
  ].map(printable);
}

/** The same for programs. */
export function statusAsJson(status: Status): object {
  const { file, pid, queues, version, uptime, problems, degradations = [] } = status;
  return { file, pid, queue: queues[0]!.queue, version, uptime, problems, degradations, tables: tablesOf(status) };
}

/** Tables whose targets have addresses, and those that only have fwmarks. */
function tablesOf({ health = [], tables }: Status): readonly (TableHealth | OtherTable)[] {
  const others = tables.filter(({ name }) => !health.some((table) => table.name === name));
  return [...health, ...others.map(({ name, targets }) => ({ name, active: targets }))];
}

interface OtherTable {
  readonly name: string;
  /** Number of active targets. */
  readonly active: number;
}

function tableLines(table: TableHealth | OtherTable): string[] {
  if ('active' in table) return [`table ${table.name}: ${table.active} active, without addresses`];
  const { name, panic, targets } = table;
  const rows = [['FWMARK', 'STATE', 'FOR', 'ADDRESS', 'WHY'], ...targets.map(row)];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const used = targets.filter((target) => target.used).length;
  return [
    `table ${name}: ${used} of ${targets.length} targets in use${panic ? '; so many are down that all are used' : ''}`,
    ...rows.map((cells) => `  ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd()),
  ];
}

function row(target: TargetHealth): string[] {
  const { fwmark, state, since, addresses } = target;
  return [String(fwmark), state, duration(since), addresses.join(' '), whyOf(target)];
}
