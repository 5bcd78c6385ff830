import type { Capture, PacketStream } from '@nfqlb/captures';
import { openCapture } from '@nfqlb/captures/file';
import { Command, canRedraw, FILES, fwmark, targets, text, UsageError, type WeightedTarget, wholeNumber } from '@nfqlb/options';
import { DISORDER_WINDOW, DisorderedStream } from '../disorder/disordered-stream.js';
import { ReversedTrains } from '../disorder/reversed-trains.js';
import { Shuffle } from '../disorder/shuffle.js';
import { Jobs } from '../jobs/jobs.js';
import { AnnotatedCapture } from '../replay/annotated-capture.js';
import { BrokenConnections } from '../replay/broken-connections.js';
import { Expectation } from '../replay/expectation.js';
import { ProgressBar } from '../replay/progress-bar.js';
import { RecordWriter } from '../replay/record-writer.js';
import { replay } from '../replay/replay.js';
import { ReplayedBalancer, type ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import { Schedule } from '../replay/schedule.js';
import { checkChanges } from '../replay/scheduled-change.js';
import { summary } from '../replay/summary.js';
import { Tally } from '../replay/tally.js';
import { replayReport } from '../report/replay-report.js';
import { writePage } from '../report/report-page.js';
import { Timeline } from '../report/timeline.js';
import { VERSION } from '../version.js';
import { addBalancerOptions, addBehaviourOptions, type BalancerCommandOptions, balancerOptions, tableOptions } from './balancer-options.js';
import { addLiveOptions, optionsWithoutEffect } from './live-options.js';

interface ReplayOptions extends BalancerCommandOptions {
  readonly tier?: readonly WeightedTarget[];
  readonly ownfw: number;
  readonly decap?: true;
  readonly shuffle?: number;
  readonly reverseFragments?: true;
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly write?: string;
  readonly report?: string;
  readonly jobs: number;
  readonly expect?: string;
}

const EXIT_STATUS = '0; 1 if there are differences from --expect, if the capture is damaged, or after an error: stderr says which';

/** `nfqlb-sim replay`: load-balances a capture as `nfqlb lb` would balance the traffic. */
export function replayCommand(): Command {
  const command = new Command('replay').description('load-balance the packets of a capture, and show what each target got').argument(
    '<capture>',
    'pcap or pcapng, plain or in gzip; - for standard input',
    text(() => FILES),
  ) as Command;
  addBalancerOptions(command)
    .option('--tier <list>', 'fwmarks of the load balancers in a tier, which share the fragments', targets)
    .option('--ownfw <fwmark>', 'fwmark of this load balancer in the tier; 0: not in the tier', fwmark, 0);
  addBehaviourOptions(command)
    .option('--decap', 'replay the packets inside of tunnels: IP in IP, GRE, VXLAN and Geneve')
    .option(
      '--shuffle <seed>',
      `shuffle each ${DISORDER_WINDOW} packets; the same seed gives the same order`,
      wholeNumber({ max: 0xffffffff }),
    )
    .option('--reverse-fragments', `reverse the fragments of each datagram that are within ${DISORDER_WINDOW} packets`)
    .option(
      '--jobs <threads>',
      'threads that decide packets, shared out as by NFQUEUE; the result is the same. Used where they pay: with --json, --expect or --write, and without a drain',
      wholeNumber({ min: 1, max: 64 }),
      1,
    )
    .option('--json [file]', 'write one JSON line per packet, to standard output or to a file')
    .option(
      '--write <file>',
      'write the accepted packets as pcapng, in order, with fwmark and reason as comments; -: to standard output, without the summary',
    )
    .option(
      '--report <file>',
      'write a page with plots: shares and reasons over time, disruption at each change, the fragment table; -: to standard output, without the summary',
    )
    .option('--expect <file>', 'compare with the --json output of an earlier replay');
  addLiveOptions(command);
  return command
    .examples(
      ['nfqlb-sim replay capture.pcap', 'what four equal targets would get'],
      [
        'nfqlb-sim replay capture.pcap --targets=101,102,103:2 --at=1.5:"deactivate 102"',
        'three, of which one has weight 2, and one fails',
      ],
      ['nfqlb-sim replay capture.pcap --at=1.5:"deactivate 102" --report=report.html', 'the same with plots, to be opened in a browser'],
      [
        'nfqlb-sim replay capture.pcap --config=nfqlb.yaml --json=after.jsonl --expect=before.jsonl',
        'does a new configuration change any decision?',
      ],
    )
    .exitStatus(EXIT_STATUS)
    .action(runReplay) as Command;
}

async function runReplay(path: string, options: ReplayOptions): Promise<void> {
  requireOneOnStandardOutput(options);
  const ignored = optionsWithoutEffect(options);
  if (ignored !== undefined) process.stderr.write(`nfqlb-sim replay: ${ignored}\n`);
  const balancer = { ...(await balancerOptions(options)), tier: tierOf(options) };
  const replayed = new ReplayedBalancer(balancer);
  const schedule = new Schedule(options.at ?? []);
  checkChanges(options.at ?? [], replayed);
  const capture = await openCapture(path, { decapsulate: options.decap === true });
  const tally = new Tally();
  const timeline = options.report === undefined ? undefined : new Timeline(replayed);
  const broken = options.drain === undefined ? undefined : new BrokenConnections(options.drainIdle);
  const writer = options.json === undefined ? undefined : new RecordWriter(options.json === true ? '-' : options.json);
  const written = options.write === undefined ? undefined : new AnnotatedCapture(options.write, options.hash_mode === '0' ? 0 : 1);
  const expectation = options.expect === undefined ? undefined : new Expectation(options.expect);
  const bar = canRedraw(process.stderr) && options.json !== true ? new ProgressBar(process.stderr, performance.now()) : undefined;

  const jobs = await startJobs(options, balancer, capture);
  const begin = performance.now();
  let failure: string | undefined;
  try {
    await replay({
      packets: disordered(capture, options),
      replayed,
      schedule,
      tally,
      timeline,
      broken,
      onRecord:
        (writer || expectation) &&
        ((record) => {
          writer?.write(record);
          expectation?.compare(record);
        }),
      onEncodedRecord: (octets) => {
        writer?.writeOctets(octets);
        expectation?.compare(Buffer.from(octets).toString('utf8', 0, octets.length - 1));
      },
      onDecision: written && ((decided) => written.add(replayed, decided, capture.begin)),
      jobs,
      onProgress: bar && (() => bar.update(capture.progress, tally.packets, performance.now())),
    });
  } catch (error) {
    failure = (error as Error).message;
    throw error;
  } finally {
    const seconds = (performance.now() - begin) / 1000;
    await jobs?.stop();
    bar?.clear();
    writer?.close();
    written?.close();
    capture.close();
    for (const line of schedule.describePending()) process.stderr.write(`nfqlb-sim replay: ${line}\n`);
    // If the capture breaks off, the packets before that have been replayed and are shown.
    const statistics = replayed.fragments.statistics();
    if (timeline) {
      writePage(options.report!, replayReport({ capture, replayed, tally, timeline, statistics, failure, program: VERSION }));
    }
    if (onStandardOutput(options).length === 0) {
      process.stdout.write(summary(capture, replayed, tally, statistics, broken));
      const rate = Math.round(tally.packets / seconds).toLocaleString('en-US');
      process.stderr.write(`replayed in ${seconds.toFixed(3)} s: ${rate} packets/s\n`);
    }
  }
  expectation?.end();
  if (expectation && expectation.differences > 0) reportDifferences(options.expect!, expectation);
}

/** Outputs other than the summary that go to standard output. */
function onStandardOutput({ json, write, report }: ReplayOptions): string[] {
  return [...(json === true ? ['--json'] : []), ...(write === '-' ? ['--write'] : []), ...(report === '-' ? ['--report'] : [])];
}

function requireOneOnStandardOutput(options: ReplayOptions): void {
  const [first, second] = onStandardOutput(options);
  if (second === undefined) return;
  throw new UsageError('invalid-value', `standard output is taken by ${first}: name a file for one of them`, {
    option: second,
    value: '-',
  });
}

function tierOf({ tier, ownfw, ...options }: ReplayOptions): ReplayedBalancerOptions['tier'] {
  const members = tier?.map((member) => member.fwmark) ?? [];
  if (ownfw !== 0 && !members.includes(ownfw)) {
    const problem = tier
      ? `must be one of --tier=${members.join()}, or 0 if not in the tier`
      : 'needs --tier, the fwmarks of the load balancers';
    throw new UsageError('invalid-value', problem, { option: '--ownfw', value: String(ownfw) });
  }
  return tier && { ...tableOptions(options), ownFwmark: ownfw, targets: tier };
}

async function startJobs(options: ReplayOptions, balancer: ReplayedBalancerOptions, capture: Capture): Promise<Jobs | undefined> {
  const { jobs, at: changes = [], json, write, expect } = options;
  if (jobs === 1) return undefined;
  const [records, blocks] = [json !== undefined || expect !== undefined, write !== undefined];
  const why = whyOneDecides(options, balancer, records || blocks);
  if (why !== undefined) {
    process.stderr.write(`nfqlb-sim replay: --jobs=${jobs}: one thread decides all packets, because ${why}\n`);
    return undefined;
  }
  return await Jobs.start(jobs, {
    balancer,
    changes: changes.map(({ command }) => command),
    begin: () => capture.begin,
    records,
    blocks,
  });
}

/** Why several threads would be wrong, or slower; `undefined` if they are neither. */
function whyOneDecides({ at = [], drain }: ReplayOptions, balancer: ReplayedBalancerOptions, writes: boolean): string | undefined {
  const drains = at.some((change) => change.drains) || [...balancer.tables.values()].some((table) => (table.drain ?? 0) > 0);
  if (drains || drain !== undefined) return 'connections that are remembered depend on each other: on the room that is left, and the time';
  // Measured (docs/replay.md): finding a packet's thread and copying it takes this thread longer than to decide it.
  if (!writes) return 'for a summary it costs more to share packets out than to decide them';
  return undefined;
}

/** If both are given, reverses fragments first, then shuffles. */
function disordered(capture: Capture, { shuffle, reverseFragments }: ReplayOptions): PacketStream {
  const packets = reverseFragments ? new DisorderedStream(capture, new ReversedTrains()) : capture;
  return shuffle === undefined ? packets : new DisorderedStream(packets, new Shuffle(shuffle));
}

function reportDifferences(path: string, { first, differences }: Expectation): void {
  for (const { line, text } of first) process.stderr.write(`${path}:${line}: ${text}\n`);
  process.stderr.write(`nfqlb-sim replay: ${differences} records differ from ${path}\n`);
  process.exitCode = 1;
}
