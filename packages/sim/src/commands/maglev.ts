import { MAX_BUCKETS, MIN_BUCKETS, primeBelow } from '@nfqlb/core';
import { Command, UsageError, wholeNumber } from '@nfqlb/options';
import { columns, number } from '../columns.js';
import { type Comparison, compare, ideal } from '../hashing/comparison.js';
import { maglev } from '../hashing/maglev.js';
import type { Method } from '../hashing/method.js';
import { modulo } from '../hashing/modulo.js';
import { rendezvous } from '../hashing/rendezvous.js';
import { ring } from '../hashing/ring.js';
import { RecordWriter } from '../replay/record-writer.js';
import { type MethodResults, maglevReport } from '../report/maglev-report.js';
import { writePage } from '../report/report-page.js';
import { VERSION } from '../version.js';

interface MaglevOptions {
  readonly M: number;
  readonly targets: number;
  readonly remove: number;
  readonly loops: number;
  readonly seed: number;
  readonly compare?: true;
  readonly time?: true;
  /** A path, or true for standard output. */
  readonly json?: string | true;
  readonly report?: string;
}

/** What Maglev is compared with; the paper's ring has 1,000 points. */
const OTHERS: readonly Method[] = [ring(100), ring(1000), rendezvous, modulo];

type Result = Comparison & { readonly milliseconds: number };

/** `nfqlb-sim maglev`: how even a table is, and how much of it a change of targets moves. */
export function maglevCommand(): Command {
  return new Command('maglev')
    .description('build tables of random targets, and show how even they are and how many buckets move when targets go')
    .option('--M <buckets>', 'buckets of the table; lowered to a prime', wholeNumber({ min: MIN_BUCKETS, max: MAX_BUCKETS }), 997)
    .option('--targets <targets>', 'number of targets', wholeNumber({ min: 2, max: 100_000 }), 32)
    .option('--remove <targets>', 'how many of them go; adding them again moves the same buckets back', wholeNumber({ max: 99_999 }), 1)
    .option('--loops <tables>', 'independent tables, each with other targets', wholeNumber({ min: 1, max: 100_000 }), 10)
    .option('--seed <number>', 'another seed gives other targets', wholeNumber({ max: 0xffffffff }), 1)
    .option('--compare', 'also rings with 100 and 1,000 points, rendezvous and modulo hashing')
    .option('--time', 'also how long it takes to build a table; the only figure that differs from run to run')
    .option('--json [file]', 'write one JSON line per table, to standard output or to a file')
    .option('--report <file>', 'write a page with plots')
    .examples(
      ['nfqlb-sim maglev --M=9973 --targets=100', 'what a table of this size is like'],
      ['nfqlb-sim maglev --M=65537 --targets=1000 --compare', 'the comparison of the Maglev paper'],
    )
    .action(run) as Command;
}

function run(options: MaglevOptions): void {
  const { targets, remove, loops, seed, json } = options;
  const M = primeBelow(options.M);
  if (targets > M) {
    throw new UsageError('invalid-value', `must be at most the ${M} buckets of --M`, { option: '--targets', value: String(targets) });
  }
  if (remove >= targets) {
    throw new UsageError('invalid-value', `must be less than --targets=${targets}`, { option: '--remove', value: String(remove) });
  }
  const writer = json === undefined ? undefined : new RecordWriter(json === true ? '-' : json);
  const best = ideal({ M, targets, remove });
  const all: MethodResults[] = [{ name: IDEAL, results: [best] }];
  const rows = (options.compare ? [maglev, ...OTHERS] : [maglev]).map((method) => {
    const results: Result[] = [];
    for (let loop = 0; loop < loops; loop++) {
      const loopSeed = (seed + loop) >>> 0;
      const { milliseconds, ...result } = compare(method, { M, targets, remove }, loopSeed, () => performance.now());
      results.push({ ...result, milliseconds });
      const timed = options.time ? { milliseconds } : {};
      const ideals = { idealMax: best.max, idealChanged: best.changed };
      writer?.write(JSON.stringify({ method: method.name, seed: loopSeed, M, targets, remove, ...result, ...ideals, ...timed }));
    }
    all.push({ name: method.name, results });
    return row(method.name, results, options.time === true);
  });
  writer?.close();
  if (options.report !== undefined) writePage(options.report, maglevReport(all, M, targets, remove, VERSION));
  if (json === true) return;
  const lines = [
    `${number(M)} buckets, ${number(targets)} targets, of which ${number(remove)} go${remove === 1 ? 'es' : ''}; ${number(loops)} table${loops === 1 ? '' : 's'}`,
    '',
    ...columns([[...HEADINGS, ...(options.time ? ['time'] : [])], idealRow(best, options.time === true), ...rows]),
    '',
    'over-provisioning: how much more than the mean the target with most buckets has; from the best table to the worst.',
    'moved, and buckets of targets that stay among them: of all buckets, on average.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

const HEADINGS = ['method', 'fewest', 'most', 'variation', 'over-provisioning', 'moved', 'of those that stay'];

const IDEAL = 'ideal';

/** Even tables, and no bucket moves that need not. */
function idealRow(best: Comparison, timed: boolean): string[] {
  return [...row(IDEAL, [{ ...best, milliseconds: 0 }], false), ...(timed ? ['-'] : [])];
}

function row(name: string, results: readonly Result[], timed: boolean): string[] {
  const each = (field: keyof Result): number[] => results.map((result) => result[field]);
  const over = each('overProvisioning').sort((a, b) => a - b);
  return [
    name,
    number(Math.min(...each('min'))),
    number(Math.max(...each('max'))),
    percent(mean(each('variation'))),
    [...new Set([over[0]!, over.at(-1)!].map((part) => percent(part)))].join(' to '),
    percent(mean(each('changed')), 2),
    percent(mean(each('disrupted')), 2),
    ...(timed ? [`${median(each('milliseconds')).toFixed(1)} ms`] : []),
  ];
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const percent = (part: number, decimals = 1): string => `${(100 * part).toFixed(decimals)}%`;
