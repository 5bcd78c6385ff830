import { openCapture } from '@nfqlb/captures/file';
import { Command, decimalSeconds, FILES, oneOf, repeatable, text, UsageError, wholeNumber } from '@nfqlb/options';
import { columns, number } from '../columns.js';
import { RecordWriter } from '../replay/record-writer.js';
import { ReplayedBalancer } from '../replay/replayed-balancer.js';
import { checkChanges } from '../replay/scheduled-change.js';
import { writePage } from '../report/report-page.js';
import { tierReport } from '../report/tier-report.js';
import { SUBJECTS } from '../tier/kept-targets.js';
import type { Order } from '../tier/member.js';
import type { SprayKind } from '../tier/spray.js';
import { replayTier, type TierEvent, type TierResult } from '../tier/tier-replay.js';
import { VERSION } from '../version.js';
import { addBalancerOptions, addBehaviourOptions, type BalancerCommandOptions, balancerOptions, tableOptions } from './balancer-options.js';

interface TierCommandOptions extends BalancerCommandOptions {
  readonly lbs: number;
  readonly spray: SprayKind;
  readonly order: Order;
  readonly fail?: readonly Omit<TierEvent, 'what'>[];
  readonly add?: readonly Omit<TierEvent, 'what'>[];
  readonly seed: number;
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly report?: string;
}

const MOST = 64;

/** `nfqlb-sim tier`: does it matter which load balancer of a tier takes a packet? */
export function tierCommand(): Command {
  const command = new Command('tier')
    .description('throw the packets of a capture at the load balancers of a tier, and count what does not reach one target')
    .argument(
      '<capture>',
      'pcap or pcapng, plain or in gzip; - for standard input',
      text(() => FILES),
    )
    .option('--lbs <count>', 'load balancers at first; they are numbered from 1', wholeNumber({ min: 1, max: MOST }), 4)
    .option(
      '--spray <kind>',
      'how the router chooses one: random, for each packet; ecmp, by addresses, protocol and ports',
      oneOf('random', 'ecmp'),
      'random',
    )
    .option('--fail <lb@seconds>', 'a load balancer is lost, as in 2@1.5; repeatable', repeatable(tierEvent))
    .option('--add <lb@seconds>', 'a load balancer comes, or comes back; repeatable', repeatable(tierEvent))
    .option(
      '--order <order>',
      'whether all activate their targets in the same order; with --permutation=fwmark it does not matter',
      oneOf('same', 'different'),
      'same',
    )
    .option('--seed <number>', 'of --spray=random', wholeNumber({ max: 0xffffffff }), 1) as Command;
  addBalancerOptions(command);
  addBehaviourOptions(command)
    .option('--json [file]', 'write one JSON line, to standard output or to a file')
    .option('--report <file>', 'write a page with plots');
  return command
    .examples(
      ['nfqlb-sim tier capture.pcap --lbs=3 --fail=2@1.5', 'one of three is lost'],
      ['nfqlb-sim tier capture.pcap --spray=ecmp --add=5@1', 'a fifth one comes'],
      ['nfqlb-sim tier capture.pcap --permutation=nfqlb --order=different', 'why C nfqlb needs the same order everywhere'],
    )
    .action(run) as Command;
}

async function run(path: string, options: TierCommandOptions): Promise<void> {
  const { lbs, spray, order, seed, json, at: changes = [] } = options;
  const events = eventsOf(options);
  const balancer = await balancerOptions(options);
  checkChanges(changes, new ReplayedBalancer(balancer));
  const capture = await openCapture(path);
  let result: TierResult;
  try {
    result = await replayTier({
      packets: capture,
      balancer,
      changes,
      lbs,
      events,
      spray,
      order,
      seed,
      // Tables of load balancers need a slot for each.
      tier: { ...tableOptions(options), N: Math.max(options.N, MOST) },
    });
  } finally {
    capture.close();
  }
  for (const { what, lb, at } of result.pending) {
    process.stderr.write(`nfqlb-sim tier: warning: --${what}=${lb}@${at}: not applied, because the capture ends before\n`);
  }
  if (json !== undefined) {
    const writer = new RecordWriter(json === true ? '-' : json);
    writer.write(JSON.stringify(recordOf(result, options)));
    writer.close();
  }
  if (options.report !== undefined) writePage(options.report, tierReport(capture.name, result, VERSION));
  if (json !== true) process.stdout.write(`${describe(capture.name, result, options).join('\n')}\n`);
}

function tierEvent(value: string): Omit<TierEvent, 'what'> {
  const [, lb, at] = /^(\d{1,2})@(.*)$/.exec(value) ?? [];
  if (lb === undefined || Number(lb) < 1 || Number(lb) > MOST) {
    throw new UsageError('invalid-value', `must be LB@SECONDS, such as 2@1.5, with a load balancer from 1 to ${MOST}`, { value });
  }
  return { lb: Number(lb), at: decimalSeconds(at!) };
}

/** What happens to load balancers, in order of time; at the same time, one comes before another is lost. */
function eventsOf({ lbs, fail = [], add = [] }: TierCommandOptions): TierEvent[] {
  const events = [
    ...add.map((event) => ({ ...event, what: 'add' as const })),
    ...fail.map((event) => ({ ...event, what: 'fail' as const })),
  ];
  events.sort((a, b) => a.at - b.at);
  const alive = new Set(Array.from({ length: lbs }, (_, i) => i + 1));
  for (const { what, lb, at } of events) {
    const subject = { option: `--${what}`, value: `${lb}@${at}` };
    if (alive.has(lb) === (what === 'add')) {
      throw new UsageError('invalid-value', `load balancer ${lb} is ${what === 'add' ? 'already' : 'not'} there at that time`, subject);
    }
    if (what === 'add') alive.add(lb);
    else alive.delete(lb);
    if (alive.size === 0) throw new UsageError('invalid-value', 'no load balancer would be left', subject);
  }
  return events;
}

function recordOf({ packets, kept, members }: TierResult, { lbs, spray, order, seed }: TierCommandOptions): object {
  const counts = SUBJECTS.map((subject) => {
    const { seen, broken, byCause } = kept.counts[subject];
    return [subject, { seen, broken, byCause: Object.fromEntries(byCause) }];
  });
  return {
    lbs,
    spray,
    order,
    seed,
    packets,
    ...Object.fromEntries(counts),
    incompleteTrains: kept.incomplete,
    unrelatedErrors: kept.unrelated,
    members: members.map((member) => ({ lb: member.number, packets: member.packets, forwarded: member.forwarded })),
  };
}

function describe(name: string, { packets, kept, members }: TierResult, { lbs, spray }: TierCommandOptions): string[] {
  const how = spray === 'random' ? 'each packet to a random one' : 'by addresses, protocol and ports';
  const causes = SUBJECTS.flatMap((subject) =>
    [...kept.counts[subject].byCause].map(([cause, count]) => `${subject}: ${number(count)} broken: ${cause}`),
  );
  return [
    `${name}: ${number(packets)} packets to ${number(lbs)} load balancer${lbs === 1 ? '' : 's'}, ${how}`,
    '',
    ...columns([
      ['', 'seen', 'broken'],
      ...SUBJECTS.map((subject) => [subject, number(kept.counts[subject].seen), number(kept.counts[subject].broken)]),
    ]),
    ...(causes.length > 0 ? ['', ...causes] : []),
    ...(kept.incomplete > 0 ? ['', `fragment trains without their first fragment in the capture: ${number(kept.incomplete)}`] : []),
    ...(kept.unrelated > 0 ? ['', `ICMP errors about connections that were not seen before: ${number(kept.unrelated)}`] : []),
    '',
    ...columns([
      ['load balancer', 'packets', 'fragments from others'],
      ...members.map((member, i) => [
        // One that came back knows nothing of before: it is counted apart.
        `${member.number}${members.slice(0, i).some((earlier) => earlier.number === member.number) ? ', back' : ''}`,
        number(member.packets),
        number(member.forwarded),
      ]),
    ]),
  ];
}
