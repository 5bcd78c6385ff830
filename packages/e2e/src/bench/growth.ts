/** `pnpm bench:growth`: what deciding a packet costs, against the number of flows, targets and so on. Core alone, without a network. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, list, oneOf, run, wholeNumber } from '@nfqlb/options';
import type { GrowthAxis, GrowthRun } from './growth-run.js';
import { thisMachine } from './machine.js';
import { GROWTH } from './report/growth-section.js';
import { spread } from './statistics.js';

interface Options {
  readonly axis?: readonly string[];
  readonly rounds: number;
  readonly json: string;
}

/** Bundled by `pnpm --filter @nfqlb/core run bench:growth`. */
const PROGRAM = fileURLToPath(new URL('../../../core/build/growth/growth.js', import.meta.url));
const RESULTS = fileURLToPath(new URL('../../build/growth.json', import.meta.url));

await run(
  new Command('growth')
    .description('measures how the cost of deciding a packet grows')
    .option('--axis <list>', 'what grows; default: all', list(oneOf(...Object.keys(GROWTH))))
    .option('--rounds <number>', 'rounds; each measures every size once', wholeNumber({ min: 1, max: 1000 }), 15)
    .option('--json <file>', 'output file for all figures of every round', RESULTS)
    .action(bench),
);

function bench({ axis = [], rounds, json }: Options): void {
  const output = execFileSync(process.execPath, [PROGRAM, String(rounds), ...axis], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  const axes = JSON.parse(output) as GrowthAxis[];
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ kind: 'growth', date, machine: thisMachine(), rounds, axes } satisfies GrowthRun, null, 1)}\n`);
  for (const { name, points } of axes) {
    process.stdout.write(`${GROWTH[name]!.title}: ns per packet, median, least and most of ${rounds} rounds\n`);
    for (const { at, nanoseconds } of points) {
      const { median, least, most } = spread(nanoseconds)!;
      process.stdout.write(`${String(at).padStart(9)}${[median, least, most].map((value) => value.toFixed(1).padStart(9)).join('')}\n`);
    }
  }
  process.stdout.write(`All figures: ${json}\n`);
}
