import { Command, drainSeconds, oneOf, UsageError, wholeNumber } from '@nfqlb/options';
import { columns, number } from '../columns.js';
import { type ChangingTargetsOptions, type ChangingTargetsResult, changingTargets, type Pattern } from '../drain/changing-targets.js';
import { CAUSES } from '../replay/broken-connections.js';
import { RecordWriter } from '../replay/record-writer.js';

interface DrainCommandOptions extends Omit<ChangingTargetsOptions, 'drain' | 'pattern' | 'pause' | 'remember' | 'idle'> {
  readonly pattern: Pattern;
  /** In milliseconds. */
  readonly pause: number;
  readonly drain: number;
  readonly drainIdle: number;
  readonly drainConnections: number;
  readonly seed: number;
  /** A path, or true for standard output. */
  readonly json?: string | true;
}

/** `nfqlb-sim drain`: how many connections break when targets change. */
export function drainCommand(): Command {
  return new Command('drain')
    .description('change the targets of generated TCP connections in virtual time, and count those that break, with a drain and without')
    .option('--drain <seconds>', 'how long connections keep their former target', drainSeconds, 30)
    .option(
      '--pattern <name>',
      'scale: between --targets and --most; replace: one target at a time; random',
      oneOf('scale', 'replace', 'random'),
      'scale',
    )
    .option('--targets <targets>', 'targets at first', wholeNumber({ min: 1, max: 1000 }), 3)
    .option('--most <targets>', 'most targets', wholeNumber({ min: 1, max: 1000 }), 30)
    .option('--changes <changes>', 'changes, evenly spread over --duration', wholeNumber({ max: 1_000_000 }), 2)
    .option('--duration <seconds>', 'virtual time', wholeNumber({ min: 3, max: 100_000 }), 60)
    .option('--connections <connections>', 'long connections, which talk all the time', wholeNumber({ max: 1_000_000 }), 2000)
    .option(
      '--pause <milliseconds>',
      'mean pause between two packets of a long connection',
      wholeNumber({ min: 10, max: 10_000_000 }),
      1000,
    )
    .option('--short <connections>', 'short connections that begin per second', wholeNumber({ max: 100_000 }), 100)
    .option('--flood <packets>', 'SYNs per second that nothing follows', wholeNumber({ max: 1_000_000 }), 0)
    .option('--M <buckets>', 'buckets of the table; lowered to a prime', wholeNumber({ min: 3, max: 993_997 }), 997)
    .option(
      '--drain-idle <seconds>',
      'how long a connection that keeps a former target may be silent',
      wholeNumber({ min: 1, max: 86_400 }),
      300,
    )
    .option(
      '--drain-connections <connections>',
      'maximum number of connections that are remembered',
      wholeNumber({ min: 1, max: 2 ** 21 }),
      65_536,
    )
    .option(
      '--lbs <count>',
      'load balancers of a tier, among which a router distributes the connections',
      wholeNumber({ min: 1, max: 64 }),
      1,
    )
    .option('--lose <seconds>', 'when one of them is lost; 0: never', wholeNumber({ max: 100_000 }), 0)
    .option('--seed <number>', 'another seed gives other connections', wholeNumber({ max: 0xffffffff }), 1)
    .option('--json [file]', 'write one JSON line without a drain and one with it, to standard output or to a file')
    .examples(
      ['nfqlb-sim drain', 'from 3 targets to 30 and back'],
      ['nfqlb-sim drain --pattern=random --changes=10000 --duration=600', '10,000 changes in ten minutes'],
      ['nfqlb-sim drain --flood=50000', 'during a SYN flood'],
      ['nfqlb-sim drain --lbs=2 --lose=40', 'in a tier that loses a load balancer'],
    )
    .action(run) as Command;
}

function run(options: DrainCommandOptions): void {
  if (options.most < options.targets) {
    throw new UsageError('invalid-value', `must be at least --targets=${options.targets}`, {
      option: '--most',
      value: String(options.most),
    });
  }
  const { drainIdle: idle, drainConnections: remember, pause, drain, seed, json, ...rest } = options;
  const common = { ...rest, pause: pause / 1000, idle, remember };
  const runs = [...new Set([0, drain])].map((seconds) => ({ drain: seconds, ...changingTargets({ ...common, drain: seconds }, seed) }));
  if (json !== undefined) {
    const writer = new RecordWriter(json === true ? '-' : json);
    for (const result of runs) writer.write(JSON.stringify(result));
    writer.close();
  }
  if (json !== true) process.stdout.write(`${describe(runs).join('\n')}\n`);
}

function describe(runs: readonly (ChangingTargetsResult & { readonly drain: number })[]): string[] {
  const row = (name: string, value: (result: ChangingTargetsResult) => number): string[] => [
    name,
    ...runs.map((result) => number(value(result))),
  ];
  return columns([
    ['', ...runs.map(({ drain }) => (drain === 0 ? 'no drain' : `--drain=${drain}`))],
    row('TCP connections', ({ connections }) => connections),
    row('broken', ({ broken }) => broken),
    ...CAUSES.filter((cause) => runs.some(({ byCause }) => byCause[cause])).map((cause) =>
      row(cause, ({ byCause }) => byCause[cause] ?? 0),
    ),
    row('remembered since they began', ({ begun }) => begun),
    row('remembered since a later packet', ({ learned }) => learned),
    row('no room to remember', ({ refused }) => refused),
  ]);
}
