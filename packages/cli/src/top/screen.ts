// The screen that `nfqlb top` draws: plain text, as many lines and columns as the terminal has.

import { printable } from '@nfqlb/core/explanation';
import type { Status } from '@nfqlb/protocol/status';
import { stateLine } from '../health/target-states.js';
import { duration, megabits, percent, whole } from '../written-numbers.js';
import { type Draining, drainingOf } from './draining.js';
import type { FastFigures, Figures, FlowFigures, QueueFigures, TargetFigures } from './figures.js';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A line and how it is highlighted. */
export interface ScreenLine {
  readonly text: string;
  readonly style: 'plain' | 'heading' | 'alarm';
}

/** What to show of one load balancer. */
export interface View {
  /** Absent while it does not answer. */
  readonly status: Status | undefined;
  /** Absent until there are two statuses. */
  readonly figures: Figures | undefined;
  /** Why it does not answer, or is not shown. */
  readonly trouble: string | undefined;
  /** Index of the load balancer, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
  /** Seconds. */
  readonly interval: number;
}

/** Returns exactly `rows` lines of at most `columns` characters. */
export function drawScreen(view: View, { columns, rows }: ScreenSize): ScreenLine[] {
  const { status } = view;
  const lines = [
    ...(status ? title(status) : []),
    ...(view.trouble === undefined ? [] : [alarm(view.trouble)]),
    ...(status?.problems ?? []).map((problem) => alarm(`not healthy: ${problem}`)),
    ...(status?.fastPath ? fastTroubles(status.fastPath) : []),
    ...(status ? degradedLines(status) : []),
  ];
  if (view.figures) lines.push(...body(view.figures, Math.max(0, rows - lines.length - 1)));
  else if (status) lines.push(plain(`waiting ${view.interval} s for figures …`));
  const fitting = lines.slice(0, rows - 1);
  while (fitting.length < rows - 1) fitting.push(plain(''));
  return [...fitting, footer(view)].slice(-rows).map(({ text, style }) => ({ text: cut(text, columns), style }));
}

function title({ command, pid, uptime, queues, problems, version }: Status): ScreenLine[] {
  const [first, last] = [queues[0]!.queue, queues.at(-1)!.queue];
  const queue = first === last ? `queue ${first}` : `queues ${first} to ${last}`;
  const health = problems.length === 0 ? 'healthy' : 'NOT HEALTHY';
  return [plain(`nfqlb ${command}  ${queue}  ${health}  up ${duration(uptime)}  pid ${pid}  ${version}`)];
}

function footer({ index, count, interval }: View): ScreenLine {
  const others = count > 1 ? `   Tab next load balancer (${index + 1} of ${count})` : '';
  return plain(`q quit${others}   every ${interval} s`);
}

function body(figures: Figures, room: number): ScreenLine[] {
  const top = [
    totals(figures),
    ...(figures.fastPath ? [fastLine(figures.fastPath)] : []),
    plain(''),
    ...queueTable(figures.queues),
    plain(''),
    ...fragmentLines(figures),
  ];
  const drops = figures.drops.map(({ reason, packets, all }) => `${reason} ${whole(packets)}/s (${whole(all)})`);
  if (drops.length > 0) top.push(plain(`dropped  ${drops.join('  ')}`));
  const draining = drainingOf(figures.status);
  if (draining) top.push(plain(drainText(draining)));
  top.push(plain(''));
  const left = room - top.length;
  const { targets, flows } = figures;
  // Each table has a heading; an empty line separates them.
  const forRows = left - (flows.length > 0 ? 3 : 1);
  const forTargets = Math.min(targets.length, Math.max(forRows - flows.length, Math.ceil(forRows / 2)));
  const lines = [...top, ...targetTable(targets, forTargets, statesOf(figures.status))];
  if (flows.length > 0) lines.push(plain(''), ...flowTable(flows, forRows - forTargets));
  return lines;
}

function totals({ packets, bits, accepted, dropped, stored }: Figures): ScreenLine {
  return plain(
    `${whole(packets)} packets/s  ${megabits(bits)} Mbit/s  accepted ${whole(accepted)}/s  dropped ${whole(dropped)}/s  stored ${whole(stored)}/s`,
  );
}

function fastTroubles({ trouble, interfaces }: NonNullable<Status['fastPath']>): ScreenLine[] {
  if (trouble !== undefined) return [alarm(`no fast path: ${trouble}`)];
  return interfaces
    .filter(({ state }) => state !== 'attached')
    .map(({ name, state, problem }) => alarm(`fast path: ${name}: ${problem ?? state}`));
}

/** How many targets that are down are named, the latest first. */
const MAX_DOWN = 4;

function degradedLines({ degradations = [], health = [] }: Status): ScreenLine[] {
  const down = health
    .flatMap(({ name, targets }) =>
      targets.filter(({ state }) => state === 'down' || state === 'damped').map((target) => ({ name, target })),
    )
    .toSorted((a, b) => a.target.since - b.target.since);
  return [
    ...degradations.flatMap(({ subject, seconds, problems }) =>
      problems.map((problem) => alarm(`${subject}: degraded for ${duration(seconds)}: ${problem}`)),
    ),
    ...down.slice(0, MAX_DOWN).map(({ name, target }) => alarm(`table ${name}: target ${stateLine(target)}`)),
    ...(down.length > MAX_DOWN ? [alarm(`… and ${down.length - MAX_DOWN} more targets are down`)] : []),
  ];
}

function fastLine({ kernel, queue, share, reasons }: FastFigures): ScreenLine {
  const why = reasons.map(({ reason, packets }) => `${reason} ${whole(packets)}/s`);
  return plain(
    `fast path  ${percent(share)} in the kernel: ${whole(kernel.packets)}/s  to the queue ${whole(queue.packets)}/s${why.length > 0 ? `: ${why.join('  ')}` : ''}`,
  );
}

/** How many queues are shown: the fullest, if there are more. */
const MAX_QUEUES = 8;

function queueTable(queues: readonly QueueFigures[]): ScreenLine[] {
  const shown = largest(queues, MAX_QUEUES, ({ waiting, packets }) => waiting * 1e9 + packets);
  return [
    heading(
      columns(['QUEUE', 6], ['WAITING', 9], ['OF', 8], ['PACKETS/S', 11], ['BATCH', 7], ['BUSY', 7], ['DROPPED/S', 11], ['DROPPED', 20]),
    ),
    ...shown.map((q) =>
      plain(
        columns(
          [String(q.queue), 6],
          [whole(q.waiting), 9],
          [whole(q.length), 8],
          [whole(q.packets), 11],
          [q.batch.toFixed(1), 7],
          [percent(q.busy), 7],
          [whole(q.queueDropped + q.socketDropped), 11],
          [whole(q.allDropped), 20],
        ),
      ),
    ),
    ...more(queues, shown),
  ];
}

function fragmentLines({ status, fragments: rates }: Figures): ScreenLine[] {
  const now = (name: string): string => whole(status.fragments[name] ?? 0);
  const rate = (name: string): string => `${whole(rates[name] ?? 0)}/s`;
  return [
    plain(
      `fragments  ${rate('lookups')}  datagrams ${now('active')}  stored ${now('fragsUsed')}/${now('fragsMax')}  sent on ${rate('reinjected')}  no room ${rate('rejected')}  lost ${rate('fragsDiscarded')}`,
    ),
  ];
}

function drainText({ targets, buckets, remembered, refused }: Draining): string {
  const who = targets.length > 0 ? `${targets.join(' ')}  ` : '';
  return `draining  ${who}buckets ${whole(buckets)}  remembered ${whole(remembered)}  no room ${whole(refused)}`;
}

/** Of a fwmark that is in several tables, the worst. */
const WORST_FIRST = ['down', 'damped', 'maintenance', 'unknown', 'up', 'unchecked'];

/** What checks say, by fwmark. */
function statesOf({ health = [] }: Status): Map<number, string> {
  const badness = (state: string): number => WORST_FIRST.length - WORST_FIRST.indexOf(state);
  const all = health.flatMap(({ targets }) => targets).toSorted((a, b) => badness(a.state) - badness(b.state));
  return new Map(all.map(({ fwmark, state }) => [fwmark, state]));
}

function targetName({ fwmark, active }: TargetFigures, state: string | undefined): string {
  const isUp = state === undefined || state === 'up' || state === 'unchecked';
  const note = !active && isUp ? 'not active' : state;
  return note === undefined ? String(fwmark) : `${fwmark} (${note})`;
}

function targetTable(targets: readonly TargetFigures[], room: number, states: ReadonlyMap<number, string>): ScreenLine[] {
  const shown = largest(targets, room, ({ packets }) => packets);
  return [
    heading(columns(['TARGET', -25], ['PACKETS/S', 13], ['MBIT/S', 11], ['SHARE', 8], ['PACKETS', 22])),
    ...shown.map((target) => {
      const { fwmark, packets, bits, share, all } = target;
      const name = targetName(target, states.get(fwmark));
      return plain(columns([name, -25], [whole(packets), 13], [megabits(bits), 11], [percent(share), 8], [whole(all), 22]));
    }),
    ...more(targets, shown),
  ];
}

function flowTable(flows: readonly FlowFigures[], room: number): ScreenLine[] {
  const shown = largest(flows, room, ({ packets }) => packets);
  return [
    heading(columns(['FLOW', -25], ['PACKETS/S', 13], ['MBIT/S', 11], ['', 3], ['TABLE', -14], ['PACKETS', 13])),
    ...shown.map(({ name, target, packets, bits, all }) =>
      plain(columns([name, -25], [whole(packets), 13], [megabits(bits), 11], ['', 3], [target, -14], [whole(all), 13])),
    ),
    ...more(flows, shown),
  ];
}

/** All in their order if there is room, else the largest, with one row left to show how many more there are. */
function largest<T>(all: readonly T[], room: number, size: (one: T) => number): T[] {
  if (all.length <= room) return [...all];
  return all.toSorted((a, b) => size(b) - size(a)).slice(0, Math.max(0, room - 1));
}

function more(all: readonly unknown[], shown: readonly unknown[]): ScreenLine[] {
  return all.length > shown.length ? [plain(`… ${all.length - shown.length} more`)] : [];
}

/** Cells, each padded to its width on the left; on the right if the width is negative. */
function columns(...cells: readonly (readonly [string, number])[]): string {
  return cells
    .map(([text, width]) => (width < 0 ? cut(text, -width).padEnd(-width) : text.padStart(width)))
    .join('')
    .trimEnd();
}

/** Cuts the escaped text: names may contain any character. */
function cut(text: string, length: number): string {
  const safe = printable(text);
  return safe.length <= length ? safe : `${safe.slice(0, Math.max(0, length - 1))}…`;
}

const plain = (text: string): ScreenLine => ({ text, style: 'plain' });
const heading = (text: string): ScreenLine => ({ text, style: 'heading' });
const alarm = (text: string): ScreenLine => ({ text, style: 'alarm' });
