import { openCapture } from '@nfqlb/captures/file';
import { formatEndpoint } from '@nfqlb/core/address';
import { protocolName } from '@nfqlb/core/explanation';
import { Command, DJB2, FILES, text, UsageError, wholeNumber } from '@nfqlb/options';
import { columns, number } from '../columns.js';
import { DecidedConnections } from '../diff/decided-connections.js';
import { type Difference, type Moved, movedConnections } from '../diff/moved-connections.js';
import { DEFAULT_TABLE } from '../replay/defaults.js';
import { linesOf } from '../replay/lines.js';
import { RecordWriter } from '../replay/record-writer.js';
import { replay } from '../replay/replay.js';
import { ReplayedBalancer } from '../replay/replayed-balancer.js';
import { Schedule } from '../replay/schedule.js';
import { checkChanges } from '../replay/scheduled-change.js';
import { Tally } from '../replay/tally.js';
import { addBehaviourOptions, addDecisionOptions, type BalancerCommandOptions, balancerOptions, TSHM } from './balancer-options.js';

interface DiffOptions extends Omit<BalancerCommandOptions, 'targets' | 'M' | 'N' | 'permutation' | 'hash' | 'config'> {
  readonly list: number;
  /** A path, or true for standard output. */
  readonly json?: string | true;
}

/** One of the two that are compared. */
interface Side {
  readonly connections: DecidedConnections;
  /** All targets of a configuration; unknown for records. */
  readonly fwmarks: ReadonlySet<number> | undefined;
}

/** `nfqlb-sim diff`: which connections of a capture would go elsewhere, and why. */
export function diffCommand(): Command {
  const files = text(() => FILES);
  const command = new Command('diff')
    .description('compare two configurations, or two versions, on one capture: which connections go elsewhere, and why')
    .argument('<before>', 'a configuration file, as for `nfqlb apply`, or the output of replay --json, perhaps of another version', files)
    .argument('<after>', 'likewise', files)
    .argument('[capture]', 'pcap or pcapng, plain or in gzip; not needed for two outputs of replay', files)
    .option('--list <connections>', 'how many of those that go elsewhere are shown', wholeNumber({ max: 1_000_000 }), 10)
    .option('--json [file]', 'write one JSON line per connection that goes elsewhere, to standard output or to a file')
    .option('--tshm <name>', TSHM.replace('--config', 'a configuration'), DEFAULT_TABLE) as Command;
  addDecisionOptions(command);
  addBehaviourOptions(command);
  return command
    .examples(
      ['nfqlb-sim diff old.yaml new.yaml capture.pcap', 'what a change of the configuration would move'],
      ['nfqlb-sim diff old-version.jsonl nfqlb.yaml capture.pcap', 'what another version decided, by its replay --json=old-version.jsonl'],
    )
    .exitStatus('0 if no connection goes elsewhere; 1 if some do, or after an error: stderr says which')
    .action(run) as Command;
}

async function run(beforePath: string, afterPath: string, capture: string | undefined, options: DiffOptions): Promise<void> {
  const before = await sideOf(beforePath, capture, options);
  const after = await sideOf(afterPath, capture, options);
  const difference = movedConnections(before.connections, after.connections, after.fwmarks);
  const { json } = options;
  if (json !== undefined) {
    const writer = new RecordWriter(json === true ? '-' : json);
    for (const moved of difference.moved) writer.write(JSON.stringify(recordOf(moved)));
    writer.close();
  }
  if (json !== true) process.stdout.write(`${describe(difference, options.list).join('\n')}\n`);
  if (difference.moved.length > 0) process.exitCode = 1;
}

async function sideOf(path: string, capturePath: string | undefined, options: DiffOptions): Promise<Side> {
  const connections = new DecidedConnections();
  if (isRecords(path)) {
    let line = 0;
    for (const record of linesOf(path)) {
      line++;
      if (!connections.add(record)) throw new UsageError('invalid-value', `${path}:${line}: not a line of replay --json`, {});
    }
    return { connections, fwmarks: undefined };
  }
  if (capturePath === undefined) {
    throw new UsageError('missing-argument', `${path} is a configuration: name a capture to send through it`, { argument: 'capture' });
  }
  const replayed = new ReplayedBalancer(await balancerOptions({ ...options, ...NO_TABLE, config: path }));
  const schedule = new Schedule(options.at ?? []);
  checkChanges(options.at ?? [], replayed);
  const fwmarks = new Set([...replayed.tables.values()].flatMap((table) => table.fwmarks));
  const capture = await openCapture(capturePath);
  try {
    await replay({ packets: capture, replayed, schedule, tally: new Tally(), onRecord: (record) => connections.add(record) });
  } finally {
    capture.close();
  }
  return { connections, fwmarks };
}

/** A configuration file has its own tables. */
const NO_TABLE = { targets: [], M: 997, N: 32, permutation: 'fwmark', hash: DJB2 } as const;

/** Records begin with a brace, and configurations of nfqlb with a name or a comment. */
function isRecords(path: string): boolean {
  for (const line of linesOf(path)) return line.startsWith('{"n":');
  return false;
}

function recordOf({ before, after, why }: Moved): object {
  const { src, dst, proto, sport, dport } = before;
  return { src, dst, proto, sport, dport, before: before.fwmark, after: after.fwmark, why };
}

function describe({ connections, moved, missing, added }: Difference, list: number): string[] {
  const causes = new Map<string, number>();
  for (const { why } of moved) causes.set(why, (causes.get(why) ?? 0) + 1);
  const byNumber = [...causes].sort(([, a], [, b]) => b - a);
  const share = ((100 * moved.length) / Math.max(connections, 1)).toFixed(2);
  const shown = moved.slice(0, list);
  return [
    `${number(connections)} connections, of which ${number(moved.length)} go elsewhere (${share}%)`,
    ...(missing > 0 ? [`only in the first: ${number(missing)}`] : []),
    ...(added > 0 ? [`only in the second: ${number(added)}`] : []),
    ...(byNumber.length > 0 ? ['', ...columns([['connections', 'why'], ...byNumber.map(([why, count]) => [number(count), why])])] : []),
    ...(shown.length > 0 ? ['', ...columns([['from', 'to', 'protocol', 'before', 'after', 'why'], ...shown.map(connectionRow)])] : []),
    ...(moved.length > shown.length && list > 0 ? [`  and ${number(moved.length - shown.length)} more: --list, --json`] : []),
  ];
}

function connectionRow({ before, after, why }: Moved): string[] {
  const { src, dst, proto, sport, dport } = before;
  return [formatEndpoint(src, sport), formatEndpoint(dst, dport), protocolName(proto), target(before.fwmark), target(after.fwmark), why];
}

const target = (fwmark: number | null): string => (fwmark === null ? 'none' : String(fwmark));
