import { LOSS_LOAD, OVERLOAD } from '../figures.js';
import type { GrowthRun } from '../growth-run.js';
import type { LiveRun } from '../live-run.js';
import { isSameMachine, type Machine } from '../machine.js';
import { HALF_OF_C } from '../measurement.js';
import { SCENARIOS } from '../scenarios.js';
import { GROWTH, growthSection } from './growth-section.js';
import { thousands } from './markdown.js';
import { type Section, scenarioSection } from './scenario-section.js';

/** A result of `pnpm bench:live` or `pnpm bench:growth`. */
export type Result = LiveRun | GrowthRun;

export interface Page {
  readonly text: string;
  /** By name of the file. */
  readonly images: ReadonlyMap<string, string>;
}

/** Makes docs/performance.md. */
export function performancePage(results: readonly Result[]): Page {
  const live = results.filter((result) => result.kind === 'live');
  const growth = results.filter((result) => result.kind === 'growth');
  const measured = SCENARIOS.flatMap(({ name }) =>
    ([4, 6] as const).flatMap((family) => {
      const isMeasured = live.some((run) => run.results.some((result) => result.scenario === name && result.family === family));
      return isMeasured ? [scenarioSection(live, name, family)] : [];
    }),
  );
  const grown = Object.keys(GROWTH)
    .filter((name) => growth.some(({ axes }) => axes.some((axis) => axis.name === name)))
    .map((name) => growthSection(growth, name));
  const text = [
    `# Performance

<!-- performance: made by pnpm bench:report from performance.json; what is changed here by hand is lost -->

What forwarding costs, in scenarios, next to C nfqlb and to the kernel alone; and how the cost of deciding a packet grows. \`pnpm bench:report\` made this page from the figures of every round, [performance.json](performance.json).
`,
    ...(live.length > 0 ? [howMeasured(live), ...texts(measured)] : []),
    ...(growth.length > 0 ? [howGrown(growth), ...texts(grown)] : []),
  ].join('\n');
  return { text, images: new Map([...measured, ...grown].map(({ image }) => [image.name, image.svg])) };
}

/** Why the results cannot be published together, if they cannot. */
export function conflict(results: readonly Result[]): string | undefined {
  const [first] = results;
  const other = results.find(({ machine }) => !isSameMachine(machine, first!.machine));
  if (other) return `of different machines: ${machineText(first!.machine)}; ${machineText(other.machine)}`;
  const [live] = results.filter((result) => result.kind === 'live');
  const unlike = results.some((result) => result.kind === 'live' && conditionsText(result) !== conditionsText(live!));
  return unlike
    ? 'measured under different conditions: --seconds, --rate, --bursts, --latency-rate and --connection-rate must be the same'
    : undefined;
}

function texts(sections: readonly Section[]): string[] {
  return sections.map(({ text }) => text);
}

function conditionsText({ conditions }: LiveRun): string {
  return JSON.stringify(conditions);
}

function machineText({ cpu, cpus, kernel, node }: Machine): string {
  return `${cpus} CPUs (${cpu}), kernel ${kernel}, Node.js ${node.slice(1)}`;
}

function datesText(results: readonly Result[]): string {
  return [...new Set(results.map(({ date }) => date))].sort().join(' and ');
}

function howMeasured(runs: readonly LiveRun[]): string {
  const [{ machine, conditions }] = runs as [LiveRun];
  const { seconds, costRate, bursts, latencyRate, connectionRate } = conditions;
  const flags = runs.map((run) => run.machine.cFlags).find((given) => given !== undefined);
  const hasC = runs.some(({ results }) => results.some(({ contenders }) => 'c' in contenders));
  const c = hasC ? `, C nfqlb (\`c\`, ${flags === undefined ? 'compiled with flags that were not told' : `compiled with ${flags}`})` : '';
  const busy = runs.map((run) => run.busy).sort((a, b) => a - b);
  const otherLoad = [...new Set([busy[0]!, busy.at(-1)!].map((cpus) => cpus.toFixed(2)))].join(' to ');
  const latency =
    latencyRate === HALF_OF_C ? 'half of what C nfqlb delivers at saturation in the scenario' : `${thousands(latencyRate)} packets/s`;
  return `## Scenarios

Measured on ${datesText(runs)} by \`pnpm bench:live\`, in ${runs.length === 1 ? 'one run' : `${runs.length} runs`}, on ${machineText(machine)}. Other programs kept ${otherLoad} CPUs busy when ${runs.length === 1 ? 'it' : 'they'} began.

Real packets go from a client through the load balancer to a target, each in a network namespace. Contenders of a scenario take turns in each round, ${seconds} s for each measurement, while the others are stopped: the kernel that only forwards (\`forward\`), the kernel's HMARK (\`hmark\`)${c}, nfqlb by the queue (\`nfqlb\`) and with [\`--fast\`](fast-path.md) (\`fast\`). The sender has CPU 0, the load balancer CPU 1 unless it has several queues; the receiver has CPU 0 with a load balancer in user space, else CPU 1. It looks for packets once per millisecond, or the CPU time to wake it up would count as the contender's; only when latencies are measured it wakes up for each.

- **Per second**: what arrives with the sender at full speed. × is the ratio to another contender in the same round.
- **CPU µs**: of the whole machine, at ${thousands(costRate)} packets/s in bursts of ${bursts.join(' or ')}, or ${thousands(connectionRate)} connections/s, in excess of forwarding in the same round.
- **p50 to p99.9**: of a packet from the sender's system call to the receiver's, at ${latency}, evenly spaced; of a short connection from connecting to its answer, at ${latencyRate === HALF_OF_C ? 'half of what C nfqlb can, likewise' : `${thousands(connectionRate)} connections/s`}.
- **Lost**: at ${100 * LOSS_LOAD}% of what the contender itself delivers at saturation. **Queue drops**: packets for which the kernel had no room in the queue or its socket, in a round, except at saturation.
- **Memory** is resident memory at the end of a round. **GC pauses**: how many there were in a round in all threads, and the longest.
- **–**: does not apply, or more than ${100 * OVERLOAD}% were lost, so that it would be a figure of an overload.
`;
}

function howGrown(runs: readonly GrowthRun[]): string {
  const [{ machine }] = runs as [GrowthRun];
  const caches = machine.caches.map(
    ([name, octets]) => `${name} ${octets >= 2 ** 20 ? `${octets / 2 ** 20} MiB` : `${octets / 1024} KiB`}`,
  );
  return `## How cost grows

Measured on ${datesText(runs)} by \`pnpm bench:growth\`, ${runs.reduce((sum, { rounds }) => sum + rounds, 0)} rounds, on ${machineText(machine)}${caches.length > 0 ? `, data caches ${caches.join(', ')}` : ''}. Time to decide a packet, from its octets to its fwmark, without a network; everything else is kept the same. Batches of different packets, of which the sizes take turns.
`;
}
