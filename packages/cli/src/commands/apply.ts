import type { Surroundings } from '@nfqlb/configuration';
import { Command, drainSeconds, UsageError } from '@nfqlb/options';
import { apply } from '../apply/apply.js';
import { hasTable } from '../apply/present.js';
import { watchFile } from '../apply/watched-file.js';

const SURROUNDINGS: Surroundings = { hasTable, findsNothing: true };

interface ApplyOptions {
  readonly dryRun?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly drain?: number;
}

/** `nfqlb apply`: applies a configuration file. */
export function applyCommand(): Command {
  return new Command('apply')
    .description(
      'change tables, targets and flows to what a YAML file declares, all or nothing, and print the equivalent commands; sections missing from the file are left alone',
    )
    .argument('<file>', 'YAML or JSON; - for standard input')
    .option('--dry-run', 'print what would be changed')
    .option('--json', 'print the equivalent commands as a JSON array, a line each time')
    .option(
      '--drain <seconds>',
      'how long connections keep their former target when targets change; 0: they do not (default: the drain of each table)',
      drainSeconds,
    )
    .option('--watch', 'keep running and apply the file again when it changes, until SIGTERM or SIGINT')
    .examples(
      ['nfqlb apply --dry-run nfqlb.yaml', 'what would be changed'],
      ['nfqlb apply --watch nfqlb.yaml', 'now, and whenever the file changes'],
    )
    .action(run) as Command;
}

async function run(file: string, { dryRun = false, watch = false, json = false, drain }: ApplyOptions): Promise<void> {
  const { parseConfiguration, readConfigurationText } = await import('@nfqlb/configuration');
  if (!watch) return apply(parseConfiguration(await readConfigurationText(file), file, SURROUNDINGS), { dryRun, json, drain });
  if (file === '-') throw new UsageError('invalid-value', 'standard input cannot be watched', { argument: 'file', value: file });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  await watchFile(
    file,
    (text) => apply(parseConfiguration(text, file, SURROUNDINGS), { dryRun, json, drain }),
    (problems) => process.stderr.write(problems.map((problem) => `nfqlb apply: ${problem}\n`).join('')),
    stop.signal,
  );
}
