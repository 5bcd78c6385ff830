import { Command, oneOf, UsageError, type ValueParser, wholeNumber } from '@nfqlb/options';
import { columns, number } from '../columns.js';
import { runAll } from '../fragtable/runs.js';
import { smallestTable } from '../fragtable/smallest-table.js';
import { type IdOrder, lossOf, type RateOptions, type RateResult, seedsFrom } from '../fragtable/sustained-rate.js';
import { RecordWriter } from '../replay/record-writer.js';
import { fragtableReport } from '../report/fragtable-report.js';
import { writePage } from '../report/report-page.js';
import { VERSION } from '../version.js';
import { addFragmentOptions, type FragmentOptions, MAX_ENTRIES } from './fragment-options.js';

interface FragtableOptions extends FragmentOptions {
  readonly rate: number;
  readonly duration: number;
  readonly repeat: number;
  readonly parallel: number;
  readonly seed: number;
  readonly ids: IdOrder;
  readonly solve?: true;
  readonly loss: number;
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly report?: string;
}

/** `nfqlb-sim fragtable`: how well a fragment table copes with a rate of fragmented packets. */
export function fragtableCommand(): Command {
  const command = new Command('fragtable').description('send fragmented packets to a fragment table at a given rate, in virtual time');
  addFragmentOptions(command)
    .option('--rate <packets>', 'fragmented packets per second', wholeNumber({ min: 1, max: 10_000_000 }), 10_000)
    .option('--duration <seconds>', 'virtual time', wholeNumber({ min: 1, max: 1_000_000 }), 60)
    .option('--repeat <runs>', 'independent runs, each with its own seed', wholeNumber({ min: 1, max: 100_000 }), 1)
    .option('--parallel <threads>', 'runs at a time; the results do not depend on it', wholeNumber({ min: 1, max: 1024 }), 1)
    .option('--seed <number>', 'seed of the first run', wholeNumber({ max: 0xffffffff }), 1)
    .option(
      '--ids <order>',
      'fragment ids: counted as in conntrack-test, counted in network order, or random',
      oneOf('host', 'network', 'random'),
      'host',
    )
    .option('--solve', 'find the smallest prime ft_size, with as many ft_buckets, that loses no more than --loss in any run')
    .option('--loss <percent>', 'with --solve: packets that may be lost, as in 0.1%', percent, 0.1)
    .option('--json [file]', 'write one JSON line per run, to standard output or to a file')
    .option('--report <file>', 'write a page with plots');
  return command
    .examples(
      ['nfqlb-sim fragtable --rate=10000 --ft_size=1999 --ft_buckets=1999', 'what such a table loses at 10,000 packets/s'],
      ['nfqlb-sim fragtable --rate=10000 --solve --loss=0.1%', 'the smallest table that loses no more'],
    )
    .action(runFragtable) as Command;
}

async function runFragtable(options: FragtableOptions, command: Command): Promise<void> {
  const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
  for (const name of ['ft_size', 'ft_buckets']) {
    if (options.solve && given(name))
      throw new UsageError('invalid-value', 'cannot be used with --solve, which finds it', { option: `--${name}` });
  }
  if (!options.solve && given('loss')) throw new UsageError('invalid-value', 'needs --solve', { option: '--loss' });
  const seeds = seedsFrom(options.seed, options.repeat);
  if (options.solve) await solve(options, seeds);
  else await runEach(options, seeds);
}

async function runEach(options: FragtableOptions, seeds: readonly number[]): Promise<void> {
  const results = await runAll(rateOptions(options, options.ft_size, options.ft_buckets), seeds, options.parallel);
  write(
    options,
    results.map((result, run) => ({ run: run + 1, seed: seeds[run]!, ...result, percentLoss: round(lossOf(result)) })),
    () => [...introduction(options, options.ft_size, options.ft_buckets), ...runTable(results, seeds)],
  );
}

async function solve(options: FragtableOptions, seeds: readonly number[]): Promise<void> {
  const { rate, duration, ft_ttl, loss, parallel } = options;
  // Based on far more packets than a run can have, so a run that stops early would have lost too many.
  const mostRejected = ((1.2 * rate * duration + 1000) * loss) / 100;
  const worstLoss = async (size: number, someSeeds: readonly number[]): Promise<number> =>
    Math.max(...(await runAll({ ...rateOptions(options, size, size), mostRejected }, someSeeds, parallel)).map(lossOf));
  const lossAt = async (size: number): Promise<number> => {
    // Most sizes fail in the first run: start no threads for them.
    const first = await worstLoss(size, seeds.slice(0, 1));
    return first > loss || seeds.length === 1 ? first : Math.max(first, await worstLoss(size, seeds.slice(1)));
  };
  const found = await smallestTable(lossAt, loss, tooSmall((rate * ft_ttl) / 1000, loss), MAX_ENTRIES);
  if (!found)
    throw new UsageError('invalid-value', `no table with up to ${MAX_ENTRIES} buckets has so little loss`, {
      option: '--loss',
      value: `${loss}%`,
    });
  const { size } = found;
  write(options, [{ rate, duration, ttlMillis: ft_ttl, loss, size, buckets: size, percentLoss: found.loss, tried: found.tried }], () => [
    `${number(rate)} packets/s for ${number(duration)} s, ft_ttl ${number(ft_ttl)} ms: --ft_size=${size} --ft_buckets=${size} loses ${found.loss.toFixed(3)}%`,
    `tried: ${number(found.tried)} smaller primes, each of which loses more than ${loss}%`,
  ]);
}

/**
 * A size that is certainly too small: with as many extra entries, half of the packets in flight at once, less a tenth for random variation.
 * With few packets the variation can be any size.
 */
function tooSmall(inFlight: number, loss: number): number {
  return inFlight < 1000 ? 0 : Math.floor(0.45 * inFlight * (1 - loss / 100));
}

function rateOptions({ rate, duration, ft_ttl, ids }: FragtableOptions, size: number, buckets: number): RateOptions {
  return { rate, duration, ttl: ft_ttl, size, buckets, ids };
}

/** Writes `records` for `--json` and `--report`, `lines` for humans. */
function write(options: FragtableOptions, records: readonly object[], lines: () => string[]): void {
  const { json, report } = options;
  if (json !== undefined) {
    const writer = new RecordWriter(json === true ? '-' : json);
    for (const record of records) writer.write(JSON.stringify(record));
    writer.close();
  }
  if (report !== undefined) {
    const [subtitle] = introduction(options, options.ft_size, options.ft_buckets);
    writePage(report, fragtableReport(records, subtitle!, VERSION));
  }
  if (json !== true) process.stdout.write(`${lines().join('\n')}\n`);
}

function introduction({ rate, duration, ft_ttl }: FragtableOptions, size: number, buckets: number): string[] {
  return [
    `${number(rate)} packets/s for ${number(duration)} s; ft_size ${number(size)}, ft_buckets ${number(buckets)}, ft_ttl ${number(ft_ttl)} ms`,
    '',
  ];
}

function runTable(results: readonly RateResult[], seeds: readonly number[]): string[] {
  return columns([
    ['seed', 'inserts', 'collisions', 'rejected', 'active', 'peak', 'stale', 'loss'],
    ...results.map((result, run) => [
      String(seeds[run]),
      ...[result.inserts, result.collisions, result.rejected, result.active, result.bucketsPeak, result.bucketsStale].map(number),
      `${lossOf(result).toFixed(1)}%`,
    ]),
  ]);
}

/** Rounds to one decimal, as C nfqlb does. */
function round(percentage: number): number {
  return Math.round(10 * percentage) / 10;
}

const percent: ValueParser<number> = (text) => {
  const number = Number(text.replace(/%$/, ''));
  if (/^\d{1,3}(\.\d{1,9})?%?$/.test(text) && number <= 100) return number;
  throw new UsageError('invalid-value', 'must be a percentage such as 0.1%, from 0 to 100, with at most nine decimals', { value: text });
};
