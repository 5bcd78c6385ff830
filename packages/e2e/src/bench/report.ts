import type { Cost, Family, Figures } from './measurement.js';

/** The figures of every round, by contender. */
export type Results = ReadonlyMap<string, readonly Figures[]>;

/** A row of the table, all medians. Ratios and differences are computed per round, since the machine's speed changes between rounds. */
export interface Row {
  readonly name: string;
  readonly family: Family;
  readonly delivered: number;
  /** Slowest and fastest round. */
  readonly deliveredRange: readonly [number, number];
  /** Delivered, as a multiple of each contender's. */
  readonly deliveredTo: Readonly<Record<string, number>>;
  readonly costs: readonly CostRow[];
  readonly latency: Figures['latency'];
  /** Packets lost in all rounds, except at saturation. If any, costs and latencies are those of an overload. */
  readonly lost: number;
  /** Bits/s over one TCP connection. */
  readonly bulk: number;
  /** As a multiple of `forward`'s. */
  readonly bulkToForward: number;
}

export interface CostRow {
  readonly burst: number;
  readonly perPacket: number;
  readonly perPacketSampled: number;
  /** Above `forward`. */
  readonly aboveForward: number;
}

/** @param results all of one family */
export function rows(results: Results, family: Family): Row[] {
  const forward = results.get('forward')!;
  return [...results].map(([name, rounds]) => {
    const delivered = rounds.map((figures) => figures.delivered);
    const latency = (percentile: keyof Figures['latency']): number => median(rounds.map((figures) => figures.latency[percentile]));
    return {
      name,
      family,
      delivered: median(delivered),
      deliveredRange: [Math.min(...delivered), Math.max(...delivered)],
      deliveredTo: Object.fromEntries(
        [...results].map(([other, others]) => [other, median(delivered.map((rate, i) => rate / others[i]!.delivered))]),
      ),
      costs: rounds[0]!.costs.map(({ burst }, at) => {
        const of = (key: keyof Cost): number => median(rounds.map(({ costs }) => costs[at]![key]));
        const aboveForward = median(rounds.map(({ costs }, i) => costs[at]!.perPacket - forward[i]!.costs[at]!.perPacket));
        return { burst, perPacket: of('perPacket'), perPacketSampled: of('perPacketSampled'), aboveForward };
      }),
      latency: { p50: latency('p50'), p90: latency('p90'), p99: latency('p99'), p999: latency('p999'), longest: latency('longest') },
      lost: rounds.reduce((sum, { costs, latencyLost }) => sum + latencyLost + costs.reduce((all, cost) => all + cost.lost, 0), 0),
      bulk: median(rounds.map(({ bulk }) => bulk)),
      bulkToForward: median(rounds.map(({ bulk }, i) => bulk / forward[i]!.bulk)),
    };
  });
}

export function table(rows: readonly Row[]): string {
  const others = rows.map(({ name }) => name).filter((name) => name === 'forward' || name === 'c');
  const bursts = rows[0]!.costs.map(({ burst }) => burst);
  const heading = [
    'contender',
    'IPv',
    'kpps',
    '(range)',
    ...others.map((other) => `× ${other}`),
    ...bursts.flatMap((burst) => [`CPU µs, burst ${burst}`, '− forward']),
    'p50 µs',
    'p90',
    'p99',
    'p99.9',
    'lost',
    'TCP Gbit/s',
    '× forward',
  ];
  const body = rows.map(({ name, family, delivered, deliveredRange, deliveredTo, costs, latency, lost, bulk, bulkToForward }) => [
    name,
    String(family),
    kilo(delivered),
    deliveredRange.map(kilo).join('–'),
    ...others.map((other) => deliveredTo[other]!.toFixed(2)),
    ...costs.flatMap(({ perPacket, aboveForward }) => [perPacket.toFixed(1), aboveForward.toFixed(1)]),
    ...[latency.p50, latency.p90, latency.p99, latency.p999].map((microseconds) => microseconds.toFixed(0)),
    String(lost),
    (bulk / 1e9).toFixed(1),
    bulkToForward.toFixed(2),
  ]);
  const widths = heading.map((title, column) => Math.max(title.length, ...body.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((text, column) => (column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join('  ');
  return [heading, ...body].map(line).join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function kilo(rate: number): string {
  return (rate / 1000).toFixed(0);
}
