import { Balancer, FwmarkLookup, MAX_BUCKETS, type PermutationKind, type TableOptions, TargetTable } from '@nfqlb/core';
import { Command, fwmarkOrNone, oneOf, repeatable, targets, type WeightedTarget, wholeNumber } from '@nfqlb/options';
import { Capture } from '../captures/capture.js';
import { Expectation } from '../replay/expectation.js';
import { ProgressBar } from '../replay/progress-bar.js';
import { RecordWriter } from '../replay/record-writer.js';
import { replay } from '../replay/replay.js';
import { Schedule, type ScheduledChange } from '../replay/schedule.js';
import { summary } from '../replay/summary.js';
import { scheduledChange } from '../replay/table-change.js';
import { Tally } from '../replay/tally.js';

interface ReplayOptions {
  readonly targets: readonly WeightedTarget[];
  readonly M: number;
  readonly N: number;
  readonly permutation: PermutationKind;
  readonly hash_mode: '0' | '1';
  readonly sctp_encap: number;
  readonly notargets_fwmark: number;
  readonly at?: readonly ScheduledChange[];
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly expect?: string;
}

/** `sim replay`: load-balances a capture as `nfqlb lb` would the traffic. */
export function replayCommand(): Command {
  const command = new Command('replay')
    .description('load-balance the packets of a capture, and show what each target got')
    .argument('<capture>', 'pcap or pcapng, plain or in gzip; - for standard input')
    .option('--targets <list>', 'active fwmarks, each with its weight after a colon if it is not 1', targets, targets('101,102,103,104'))
    .option('--M <buckets>', 'buckets of the table; lowered to a prime', wholeNumber({ min: 3, max: 0xffffffff }), 997)
    .option('--N <slots>', 'most targets', wholeNumber({ min: 1, max: MAX_BUCKETS }), 32)
    .option('--permutation <kind>', 'fwmark: the same targets give the same table; nfqlb: as C nfqlb', oneOf('fwmark', 'nfqlb'), 'fwmark')
    .option('--hash_mode <mode>', '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports', oneOf('0', '1'), '1')
    .option('--sctp_encap <port>', 'UDP port that carries SCTP; 0 for none', wholeNumber({ max: 65535 }), 0)
    .option('--notargets_fwmark <fwmark>', 'what packets get when no target is active; -1: they are dropped', fwmarkOrNone, -1)
    .option(
      '--at <seconds:command>',
      'change the table at a moment of the capture, as in 1.5:"deactivate 102"; repeatable',
      repeatable(scheduledChange),
    )
    .option('--json [file]', 'write one JSON line a packet, to standard output or to a file')
    .option('--expect <file>', 'compare with the --json output of an earlier replay; differences give exit status 1');
  return command.action(runReplay) as Command;
}

async function runReplay(path: string, options: ReplayOptions): Promise<void> {
  const table = createTable(options);
  const capture = await Capture.open(path);
  const balancer = new Balancer(new FwmarkLookup(table), {
    hashMode: options.hash_mode === '0' ? 0 : 1,
    udpEncapPort: options.sctp_encap,
    noTargetsFwmark: options.notargets_fwmark,
  });
  const tally = new Tally();
  const writer = options.json === undefined ? undefined : new RecordWriter(options.json === true ? '-' : options.json);
  const expectation = options.expect === undefined ? undefined : new Expectation(options.expect);
  const bar = process.stderr.isTTY && options.json !== true ? new ProgressBar(process.stderr, performance.now()) : undefined;

  const begin = performance.now();
  try {
    await replay({
      capture,
      balancer,
      table,
      schedule: new Schedule(options.at ?? []),
      tally,
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
    // What was whole has been replayed, and is shown, also when the capture then breaks off.
    if (options.json !== true) {
      process.stdout.write(summary(capture, table, tally));
      const rate = Math.round(tally.packets / seconds).toLocaleString('en-US');
      process.stderr.write(`replayed in ${seconds.toFixed(3)} s: ${rate} packets/s\n`);
    }
  }
  expectation?.end();
  if (expectation && expectation.differences > 0) reportDifferences(options.expect!, expectation);
}

function reportDifferences(path: string, { first, differences }: Expectation): void {
  for (const { line, text } of first) process.stderr.write(`${path}:${line}: ${text}\n`);
  process.stderr.write(`sim replay: ${differences} packets are not decided as ${path} says\n`);
  process.exitCode = 1;
}

function createTable(options: ReplayOptions): TargetTable {
  const tableOptions: TableOptions = { M: options.M, N: options.N, permutation: options.permutation };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(tableOptions)), tableOptions);
  table.activate(options.targets);
  return table;
}
