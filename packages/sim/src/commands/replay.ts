import type { PacketStream } from '@nfqlb/captures';
import { Capture } from '@nfqlb/captures';
import { MAX_BUCKETS, type PermutationKind, type TableOptions } from '@nfqlb/core';
import {
  addDrainOptions,
  Command,
  canRedraw,
  drainSeconds,
  FILES,
  fwmark,
  fwmarkOrNone,
  Option,
  oneOf,
  repeatable,
  targets,
  text,
  UsageError,
  type WeightedTarget,
  wholeNumber,
} from '@nfqlb/options';
import { DISORDER_WINDOW, DisorderedStream } from '../disorder/disordered-stream.js';
import { ReversedTrains } from '../disorder/reversed-trains.js';
import { Shuffle } from '../disorder/shuffle.js';
import { BrokenConnections } from '../replay/broken-connections.js';
import { Expectation } from '../replay/expectation.js';
import { ProgressBar } from '../replay/progress-bar.js';
import { RecordWriter } from '../replay/record-writer.js';
import { replay } from '../replay/replay.js';
import { ReplayedBalancer, type ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import { Schedule, type ScheduledChange } from '../replay/schedule.js';
import { DEFAULT_TABLE, scheduledChange } from '../replay/scheduled-change.js';
import { summary } from '../replay/summary.js';
import { Tally } from '../replay/tally.js';
import { addStoredFragmentOptions, fragmentTableOptions, type StoredFragmentOptions } from './fragment-options.js';

interface ReplayOptions extends StoredFragmentOptions {
  readonly config?: string;
  readonly tshm: string;
  readonly targets: readonly WeightedTarget[];
  readonly M: number;
  readonly N: number;
  readonly permutation: PermutationKind;
  readonly hash_mode: '0' | '1';
  readonly sctp_encap: number;
  readonly notargets_fwmark: number;
  readonly nolb_fwmark: number;
  readonly promiscuous_ping: boolean;
  readonly tier?: readonly WeightedTarget[];
  readonly ownfw: number;
  readonly at?: readonly ScheduledChange[];
  readonly drain?: number;
  readonly drainUdp: 'new' | 'former';
  readonly drainIdle: number;
  readonly drainConnections: number;
  readonly shuffle?: number;
  readonly reverseFragments?: true;
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly expect?: string;
}

const EXIT_STATUS = '0; 1 if there are differences from --expect, if the capture is damaged, or after an error: stderr says which';

const DEFAULT_TARGETS = '101,102,103,104';

/** `nfqlb-sim replay`: load-balances a capture as `nfqlb lb` would balance the traffic. */

export function replayCommand(): Command {
  const command = new Command('replay')
    .description('load-balance the packets of a capture, and show what each target got')
    .argument(
      '<capture>',
      'pcap or pcapng, plain or in gzip; - for standard input',
      text(() => FILES),
    )
    .addOption(
      new Option('--targets <list>', 'active fwmarks, each with its weight after a colon if it is not 1')
        .argParser(targets)
        .default(targets(DEFAULT_TARGETS), DEFAULT_TARGETS),
    )
    .addOption(
      new Option('--config <file>', 'tables, targets and flows, as for `nfqlb apply`').conflicts(['targets', 'M', 'N', 'permutation']),
    )
    .option('--tshm <name>', 'table of --config that balances all packets if there are no flows', DEFAULT_TABLE)
    .option('--M <buckets>', 'buckets of the table; lowered to a prime', wholeNumber({ min: 3, max: 0xffffffff }), 997)
    .option('--N <slots>', 'most targets', wholeNumber({ min: 1, max: MAX_BUCKETS }), 32)
    .option('--permutation <kind>', 'fwmark: the same targets give the same table; nfqlb: as C nfqlb', oneOf('fwmark', 'nfqlb'), 'fwmark')
    .option('--hash_mode <mode>', '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports', oneOf('0', '1'), '1')
    .option('--sctp_encap <port>', 'UDP port that carries SCTP; 0 for none', wholeNumber({ max: 65535 }), 0)
    .option('--notargets_fwmark <fwmark>', 'what packets get when no target is active; -1: they are dropped', fwmarkOrNone, -1)
    .option('--nolb_fwmark <fwmark>', 'what packets get that no flow matches; -1: they are dropped', fwmarkOrNone, -1)
    .option('--promiscuous_ping', 'an echo request goes with the first flow whose addresses match, whatever its protocols', false)
    .option('--tier <list>', 'fwmarks of the load balancers in a tier, which share the fragments', targets)
    .option('--ownfw <fwmark>', 'fwmark of this load balancer in the tier; 0: not in the tier', fwmark, 0);
  addStoredFragmentOptions(command as Command)
    .option(
      '--at <seconds:command>',
      'change a table or a flow at a time in the capture, as in 1.5:"deactivate 102"; repeatable',
      repeatable(scheduledChange),
    )
    .option(
      '--drain <seconds>',
      'how long connections keep their former target when targets change; also counts those that break, even with 0 (default: that of each table)',
      drainSeconds,
    );
  addDrainOptions(command as Command)
    .option(
      '--shuffle <seed>',
      `shuffle each ${DISORDER_WINDOW} packets; the same seed gives the same order`,
      wholeNumber({ max: 0xffffffff }),
    )
    .option('--reverse-fragments', `reverse the fragments of each datagram that are within ${DISORDER_WINDOW} packets`)
    .option('--json [file]', 'write one JSON line per packet, to standard output or to a file')
    .option('--expect <file>', 'compare with the --json output of an earlier replay');
  return command
    .examples(
      ['nfqlb-sim replay capture.pcap', 'what four equal targets would get'],
      [
        'nfqlb-sim replay capture.pcap --targets=101,102,103:2 --at=1.5:"deactivate 102"',
        'three, of which one has weight 2, and one fails',
      ],
      [
        'nfqlb-sim replay capture.pcap --config=nfqlb.yaml --json=after.jsonl --expect=before.jsonl',
        'does a new configuration change any decision?',
      ],
    )
    .exitStatus(EXIT_STATUS)
    .action(runReplay) as Command;
}

async function runReplay(path: string, options: ReplayOptions): Promise<void> {
  const replayed = new ReplayedBalancer(await balancerOptions(options));
  const schedule = new Schedule(options.at ?? []);
  schedule.check(replayed);
  const capture = await Capture.open(path);
  const tally = new Tally();
  const broken = options.drain === undefined ? undefined : new BrokenConnections(options.drainIdle);
  const writer = options.json === undefined ? undefined : new RecordWriter(options.json === true ? '-' : options.json);
  const expectation = options.expect === undefined ? undefined : new Expectation(options.expect);
  const bar = canRedraw(process.stderr) && options.json !== true ? new ProgressBar(process.stderr, performance.now()) : undefined;

  const begin = performance.now();
  try {
    await replay({
      packets: disordered(capture, options),
      replayed,
      schedule,
      tally,
      broken,
      onRecord:
        (writer || expectation) &&
        ((record) => {
          writer?.write(record);
          expectation?.compare(record);
        }),
      onProgress: bar && (() => bar.update(capture.progress, tally.packets, performance.now())),
    });
  } finally {
    const seconds = (performance.now() - begin) / 1000;
    bar?.clear();
    writer?.close();
    capture.close();
    for (const line of schedule.describePending()) process.stderr.write(`nfqlb-sim replay: ${line}\n`);
    // If the capture breaks off, the packets before that have been replayed and are shown.
    if (options.json !== true) {
      process.stdout.write(summary(capture, replayed, tally, broken));
      const rate = Math.round(tally.packets / seconds).toLocaleString('en-US');
      process.stderr.write(`replayed in ${seconds.toFixed(3)} s: ${rate} packets/s\n`);
    }
  }
  expectation?.end();
  if (expectation && expectation.differences > 0) reportDifferences(options.expect!, expectation);
}

async function balancerOptions(options: ReplayOptions): Promise<ReplayedBalancerOptions> {
  const { tables, choice } = await choiceOf(options);
  const { drain } = options;
  return {
    tables: drain === undefined ? tables : new Map([...tables].map(([name, table]) => [name, { ...table, drain }])),
    choice,
    tier: tierOf(options),
    fragments: fragmentTableOptions(options),
    connections: { connections: options.drainConnections, idle: options.drainIdle },
    balancer: {
      hashMode: options.hash_mode === '0' ? 0 : 1,
      udpEncapPort: options.sctp_encap,
      noTargetsFwmark: options.notargets_fwmark,
      noFlowFwmark: options.nolb_fwmark,
      drainsOthers: options.drainUdp === 'former',
    },
  };
}

/** The tables, and how a packet is assigned to one. */
async function choiceOf({ config, tshm, targets, promiscuous_ping: promiscuousPing, ...options }: ReplayOptions): Promise<Choice> {
  if (config === undefined) return { tables: new Map([[DEFAULT_TABLE, { ...tableOptions(options), targets }]]), choice: DEFAULT_TABLE };
  const { parseConfiguration, readConfigurationText } = await import('@nfqlb/configuration');
  const configuration = parseConfiguration(await readConfigurationText(config), config, () => false);
  const { tables = new Map(), flows } = configuration;
  if (flows) return { tables, choice: { flows, promiscuousPing } };
  const table = tables.size === 1 ? [...tables.keys()][0] : tshm;
  if (tables.has(table)) return { tables, choice: table };
  const problem = `there is no table ${table} in ${config}; there is ${[...tables.keys()].join(', ') || 'none'}`;
  throw new UsageError('invalid-value', problem, { option: '--tshm', value: tshm });
}

type Choice = Pick<ReplayedBalancerOptions, 'tables' | 'choice'>;

function tableOptions({ M, N, permutation }: Pick<ReplayOptions, 'M' | 'N' | 'permutation'>): TableOptions {
  return { M, N, permutation };
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
