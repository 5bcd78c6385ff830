import type { GrowthAxis, GrowthPoint, GrowthRun } from '../growth-run.js';
import type { Machine } from '../machine.js';
import { type Spread, spreadOfRuns } from '../statistics.js';
import { markdownTable, thousands } from './markdown.js';
import { curve } from './plot.js';
import type { Section } from './scenario-section.js';

interface Growth {
  readonly title: string;
  readonly unit: string;
  /** What a packet costs with it, and why. */
  readonly why: string;
}

/** What `pnpm bench:growth` varies, in the order of the page. */
export const GROWTH: Readonly<Record<string, Growth>> = {
  flows: {
    title: 'Flows',
    unit: 'flows',
    why: 'TCP over IPv4 and IPv6, half each; each packet to one of the flows, which are VIPs times ports. They are searched by an index.',
  },
  targets: {
    title: 'Targets',
    unit: 'targets',
    why: 'UDP over IPv4, M=65537. A target is one entry of the table, however many there are.',
  },
  buckets: {
    title: 'M',
    unit: 'buckets',
    why: 'UDP over IPv4, 20 targets. A packet reads one entry of the table, of 4 octets, at random.',
  },
  queues: {
    title: 'Queues',
    unit: 'threads',
    why: 'UDP over IPv4, M=65537, a thread for each queue, all with the same table. Time of a packet in its thread: threads that wait for a CPU count as slow, so more of them than CPUs cannot be faster.',
  },
  connections: {
    title: 'Remembered connections',
    unit: 'connections',
    why: 'TCP over IPv4, all buckets in transition; each packet is of another of the remembered connections. 0: a table at rest, which looks for none.',
  },
  fragments: {
    title: 'Fragments under way',
    unit: 'datagrams',
    why: 'Second fragments over IPv4, each of another of the datagrams whose first fragment is known. 0: whole UDP packets.',
  },
};

/** Less than this is noise. */
const NOISE = 1.15;

/** The section of one axis; of several runs. */
export function growthSection(runs: readonly GrowthRun[], name: string): Section {
  const { title, unit, why } = GROWTH[name]!;
  const axes = runs.flatMap(({ axes }) => axes.filter((axis) => axis.name === name));
  const points = merged(axes);
  const image = `performance-growth-${name}.svg`;
  const cells = [
    [unit, 'ns per packet', 'slowest and fastest round', 'memory searched'],
    ...points.map(({ at, spread, octets }) => [
      thousands(at),
      spread.median.toFixed(0),
      `${spread.least.toFixed(0)}–${spread.most.toFixed(0)}`,
      size(octets),
    ]),
  ];
  const text = `### ${title}

${why} ${bend(points, unit, runs[0]!.machine)}

![ns per packet against ${unit}](images/${image})

${markdownTable(cells)}
`;
  const plotted = points.map(({ at, spread }) => ({ label: thousands(at), spread }));
  return { text, image: { name: image, svg: curve(`${title}: time of a packet`, `ns, against ${unit}`, '#3b82c4', plotted) } };
}

interface Merged {
  readonly at: number;
  readonly spread: Spread;
  readonly octets: number;
}

function merged(axes: readonly GrowthAxis[]): Merged[] {
  const sizes = [...new Set(axes.flatMap(({ points }) => points.map(({ at }) => at)))].sort((a, b) => a - b);
  return sizes.map((at) => {
    const same = axes.flatMap(({ points }): GrowthPoint[] => points.filter((point) => point.at === at));
    return { at, spread: spreadOfRuns(same.map(({ nanoseconds }) => nanoseconds))!, octets: same[0]!.octets };
  });
}

/** Says by how much it grows, where most, and which cache is too small there. */
export function bend(points: readonly Merged[], unit: string, { caches }: Pick<Machine, 'caches'>): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  const growth = last.spread.median / first.spread.median;
  const from = `From ${thousands(first.at)} to ${thousands(last.at)} ${unit}`;
  const steps = points.slice(1).map((to, i) => ({ from: points[i]!, to, factor: to.spread.median / points[i]!.spread.median }));
  const steepest = steps.reduce((a, b) => (b.factor > a.factor ? b : a), steps[0]!);
  if (steepest === undefined || (growth < NOISE && steepest.factor < NOISE))
    return `${from} it does not grow beyond noise (${growth.toFixed(2)} times).`;
  const { from: before, to } = steepest;
  const outgrown = before.octets < to.octets ? caches.filter(([, octets]) => octets < to.octets).at(-1) : undefined;
  const because = outgrown
    ? `: the memory that is searched there (${size(to.octets)}) is more than the ${outgrown[0]} cache holds (${size(outgrown[1])}), so that packets wait for what is further away`
    : '';
  const most = `most from ${thousands(before.at)} to ${thousands(to.at)} (${steepest.factor.toFixed(2)} times)`;
  return `${from} a packet takes ${growth.toFixed(2)} times as long, ${most}${because}.`;
}

function size(octets: number): string {
  if (octets < 1024) return `${octets} octets`;
  return octets < 1024 ** 2 ? `${(octets / 1024).toFixed(0)} KiB` : `${(octets / 1024 ** 2).toFixed(1)} MiB`;
}
