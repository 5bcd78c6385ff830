import { REASON_NAMES, Reason, type TargetTable } from '@nfqlb/core';
import { number } from '../columns.js';
import type { ReplayedBalancer } from '../replay/replayed-balancer.js';
import type { Tally } from '../replay/tally.js';
import type { Disruption } from './disruption.js';
import type { Series } from './intervals.js';
import { merged, mergeFactor } from './merged-intervals.js';
import type { BarPlot, Facts, Line, LinePlot, Part, PlotMark, ReportDocument, Table } from './report-document.js';
import type { Timeline } from './timeline.js';

export interface ReplayReport {
  readonly capture: { readonly name: string; readonly notIp: number; readonly cut: number };
  readonly replayed: ReplayedBalancer;
  readonly tally: Tally;
  readonly timeline: Timeline;
  readonly program: string;
  /** The fragment table's, by name. Collected after the last packet. */
  readonly statistics: Record<string, number>;
  /** Why the capture broke off, if it did. */
  readonly failure?: string | undefined;
}

/** The report of a replay. */
export function replayReport(report: ReplayReport): ReportDocument {
  const { capture, replayed, tally, timeline, program, failure } = report;
  const plots = new Plots(timeline);
  const parts: Part[] = [];
  if (failure !== undefined) parts.push({ kind: 'warning', text: `The capture is damaged; this is what comes before that. ${failure}` });
  parts.push(facts(report));
  if (tally.targets.size > 0) parts.push(plots.shares(), targets(tally));
  if (timeline.changes.length > 0) parts.push(...disruption(timeline));
  parts.push(...plots.reasons(), reasons(tally, timeline));
  if (tally.tier.size > 0) parts.push(tier(tally));
  if (replayed.flows) parts.push(flows(replayed.flows.tallies()));
  parts.push(tables(replayed.tables));
  if (report.statistics.lookups! > 0) parts.push(plots.fragments(report.statistics), fragments(report.statistics));
  return {
    title: capture.name,
    subtitle: `${number(tally.packets)} packets replayed, ${number(tally.octets)} bytes`,
    program,
    parts,
  };
}

function facts({ capture, tally, timeline, replayed }: ReplayReport): Facts {
  const { intervals } = timeline;
  const dropped = sum(tally.dropped);
  const list = [
    { name: 'packets', value: number(tally.packets) },
    { name: 'bytes', value: number(tally.octets) },
    { name: 'up to', value: `${duration(intervals.count * intervals.seconds)}` },
    { name: 'to targets', value: number(tally.accepted) },
    { name: 'dropped', value: dropped > 0 ? `${number(dropped)} (${percent(dropped, tally.packets)})` : '0' },
    { name: 'tables', value: number(replayed.tables.size) },
    { name: 'changes', value: number(timeline.changes.length) },
  ];
  if (tally.stored > 0) {
    list.push({ name: 'fragments stored', value: number(tally.stored) }, { name: 'of which came back', value: number(tally.reinjected) });
  }
  if (capture.notIp > 0) list.push({ name: 'frames without IP', value: number(capture.notIp) });
  if (capture.cut > 0) list.push({ name: 'packets cut short', value: number(capture.cut) });
  return { kind: 'facts', facts: list };
}

const BALANCED = REASON_NAMES[Reason.Balanced]!;

/** The plots over time, all with the same intervals. */
class Plots {
  readonly #timeline: Timeline;
  readonly #factor: number;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#factor = mergeFactor(timeline);
  }

  shares(): LinePlot {
    const targets = [...this.#timeline.targets].sort(([a], [b]) => a - b);
    const counts = targets.map(([, { packets }]) => this.#values(packets));
    const ideals = targets.map(([, { ideal }]) => this.#values(ideal));
    const totals = this.#values(this.#timeline.reasons[0]!).map((_, i) => sum(counts.map((values) => values[i]!)));
    // A target that is not there has no share.
    const share = (values: readonly number[], target: number): (number | null)[] =>
      values.map((value, i) => (counts[target]![i]! + ideals[target]![i]! > 0 ? round((100 * value) / totals[i]!) : null));
    const lines: Line[] = targets.map(([fwmark], i) => ({ name: String(fwmark), values: share(counts[i]!, i), counts: counts[i]! }));
    targets.forEach(([fwmark], i) => {
      if (ideals[i]!.some((value) => value > 0)) lines.push({ name: `${fwmark}, ideal`, values: share(ideals[i]!, i), idealOf: i });
    });
    return {
      kind: 'lines',
      title: 'Share of each target',
      note: `Of the packets that targets got in each interval of ${duration(this.#interval)}. Dashed: the ideal, its share by weight. Packets are not flows: a few large flows move a share away from it.`,
      ...this.#axis,
      unit: '%',
      stacked: false,
      lines,
    };
  }

  /** All reasons; and, if there are others than a target's hash, these without it, which would hide them. */
  reasons(): LinePlot[] {
    const lines = REASON_NAMES.map((name, reason) => ({ name, values: this.#values(this.#timeline.reasons[reason]!) })).filter(
      ({ values }) => values.some((value) => value > 0),
    );
    const plot = { kind: 'lines', ...this.#axis, unit: '' } as const;
    const others = lines.filter(({ name }) => name !== BALANCED);
    const note = `Decisions in each interval of ${duration(this.#interval)}.`;
    return [
      {
        ...plot,
        title: 'Packets by reason',
        note: `${note} A stored fragment counts twice: when it is stored, and when it comes back.`,
        stacked: true,
        lines,
      },
      ...(others.length > 0 && lines.length > others.length
        ? [{ ...plot, title: `Reasons other than ${BALANCED}`, note, stacked: false, lines: others }]
        : []),
    ];
  }

  fragments({ hsize, bucketsMax, fragsMax }: Record<string, number>): LinePlot {
    return {
      kind: 'lines',
      title: 'Fragment table',
      note: `At the end of each interval: datagrams that have not expired, of at most ${number(hsize! + bucketsMax!)}, and stored fragments, of at most ${number(fragsMax!)}.`,
      ...this.#axis,
      unit: '',
      stacked: false,
      lines: [
        { name: 'datagrams', values: this.#values(this.#timeline.datagrams) },
        { name: 'stored fragments', values: this.#values(this.#timeline.stored) },
      ],
    };
  }

  get #axis(): { interval: number; marks: PlotMark[] } {
    const marks = this.#timeline.changes.map(({ time, command }) => ({ x: time, text: commandOf(command) }));
    return { interval: this.#interval, marks };
  }

  get #interval(): number {
    return this.#timeline.intervals.seconds * this.#factor;
  }

  #values({ values, merge }: Series): number[] {
    return merged(values, this.#timeline.intervals.count, this.#factor, merge);
  }
}

function targets({ targets, accepted }: Tally): Table {
  const rows = [...targets]
    .sort(([a], [b]) => a - b)
    .map(([fwmark, { packets, reinjected, octets, ideal }]) => {
      const [share, best] = [100 * (packets / Math.max(accepted, 1)), 100 * (ideal / Math.max(accepted, 1))];
      return [fwmark, packets, reinjected, octets, round(share), ideal > 0 ? round(best) : null, ideal > 0 ? round(share - best) : null];
    });
  return {
    kind: 'table',
    title: 'Targets',
    columns: [
      { name: 'target', type: 'number' },
      { name: 'packets', type: 'number' },
      { name: 're-injected', type: 'number' },
      { name: 'bytes', type: 'number' },
      { name: 'share', type: '%' },
      { name: 'ideal', type: '%' },
      { name: 'difference', type: '%' },
    ],
    rows,
  };
}

function disruption({ changes }: Timeline): Part[] {
  const all = changes.flatMap((change) => change.disruptions.map((found) => ({ ...change, ...found })));
  const part = (buckets: number, of: Disruption): number => round((100 * buckets) / of.buckets);
  const bars: BarPlot = {
    kind: 'bars',
    title: 'Disruption at each change',
    note: 'Buckets of the table that got another target, and how many must, whatever way to hash is used. The rest are buckets of targets that stayed.',
    unit: '%',
    groups: all.map(({ time, command, table }) => `${duration(time)}: ${commandOf(command)}${several(changes) ? ` (${table})` : ''}`),
    bars: [
      { name: 'moved', values: all.map((each) => part(each.moved, each)) },
      { name: 'must move', values: all.map((each) => part(each.least, each)) },
    ],
  };
  const rows = changes.flatMap(({ time, command, disruptions }) =>
    disruptions.length === 0
      ? [[time, commandOf(command), null, null, null, null, null, null]]
      : disruptions.map(({ table, buckets, moved, least, packets, movedPackets }) => [
          time,
          commandOf(command),
          table,
          buckets,
          moved,
          least,
          moved - least,
          packets > 0 ? round((100 * movedPackets) / packets) : null,
        ]),
  );
  const table: Table = {
    kind: 'table',
    title: 'Changes',
    note: 'Traffic that moved: packets since the change before that were in buckets which moved.',
    columns: [
      { name: 'seconds', type: 'number' },
      { name: 'command', type: 'text' },
      { name: 'table', type: 'text' },
      { name: 'buckets', type: 'number' },
      { name: 'moved', type: 'number' },
      { name: 'must move', type: 'number' },
      { name: 'of targets that stayed', type: 'number' },
      { name: 'traffic that moved', type: '%' },
    ],
    rows,
  };
  return all.length > 0 ? [bars, table] : [table];
}

/** Whether a change moved buckets of more than one table, or different changes of different ones. */
function several(changes: Timeline['changes']): boolean {
  return new Set(changes.flatMap(({ disruptions }) => disruptions.map(({ table }) => table))).size > 1;
}

function reasons({ dropped }: Tally, timeline: Timeline): Table {
  const rows = REASON_NAMES.flatMap((name, reason) => {
    const decisions = sum(timeline.reasons[reason]!.values);
    return decisions > 0 ? [[name, decisions, dropped[reason]!]] : [];
  });
  return {
    kind: 'table',
    title: 'Reasons',
    columns: [
      { name: 'reason', type: 'text' },
      { name: 'decisions', type: 'number' },
      { name: 'dropped', type: 'number' },
    ],
    rows,
  };
}

function tier({ tier }: Tally): Table {
  return {
    kind: 'table',
    title: 'Fragments to other load balancers of the tier',
    columns: [
      { name: 'load balancer', type: 'number' },
      { name: 'packets', type: 'number' },
      { name: 'bytes', type: 'number' },
    ],
    rows: [...tier].sort(([a], [b]) => a - b).map(([fwmark, { packets, octets }]) => [fwmark, packets, octets]),
  };
}

function flows(tallies: readonly { readonly name: string; readonly packets: number; readonly target: string }[]): Table {
  return {
    kind: 'table',
    title: 'Flows',
    columns: [
      { name: 'flow', type: 'text' },
      { name: 'packets', type: 'number' },
      { name: 'table', type: 'text' },
    ],
    rows: tallies.map(({ name, packets, target }) => [name, packets, target]),
  };
}

function tables(all: ReadonlyMap<string, TargetTable>): Table {
  return {
    kind: 'table',
    title: 'Tables at the end',
    columns: [
      { name: 'table', type: 'text' },
      { name: 'buckets (M)', type: 'number' },
      { name: 'slots (N)', type: 'number' },
      { name: 'permutation', type: 'text' },
      { name: 'active targets', type: 'text' },
    ],
    rows: [...all].map(([name, { M, N, permutation, slots }]) => [name, M, N, permutation, describe(slots)]),
  };
}

/** `101, 102, 103:2`, as in `--targets`. */
function describe(slots: TargetTable['slots']): string {
  const targets = slots.filter((slot) => slot !== undefined);
  return targets.map(({ fwmark, weight }) => (weight === 1 ? `${fwmark}` : `${fwmark}:${weight}`)).join(', ') || 'none';
}

function fragments(statistics: Record<string, number>): Facts {
  return {
    kind: 'facts',
    title: 'Statistics of the fragment table',
    note: 'Under the names of nfqlb stats. Read after the last packet, when what had expired was collected.',
    facts: Object.entries(statistics).map(([name, value]) => ({ name, value: number(value) })),
  };
}

const sum = (values: ArrayLike<number>): number => Array.prototype.reduce.call(values, (a, b) => (a as number) + b, 0) as number;
/** To nine digits: the rest is only noise of the floating point. */
const round = (value: number): number => Number(value.toPrecision(9));
const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(2)}%`;
const commandOf = (change: string): string => change.slice(change.indexOf(':') + 1);

/** Seconds in the unit that fits: `1.5 s`, `20 ms`. */
function duration(seconds: number): string {
  if (seconds >= 1 || seconds === 0) return `${Number(seconds.toPrecision(4)).toLocaleString('en-US')} s`;
  return seconds >= 1e-3 ? `${Number((seconds * 1e3).toPrecision(4))} ms` : `${Number((seconds * 1e6).toPrecision(4))} µs`;
}
