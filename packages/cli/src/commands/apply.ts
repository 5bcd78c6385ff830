import { Command, UsageError } from '@nfqlb/options';
import { apply } from '../apply/apply.js';
import { watchFile } from '../apply/watched-file.js';

interface ApplyOptions {
  readonly dryRun?: boolean;
  readonly watch?: boolean;
}

/** `nfqlb apply`: the whole configuration from a file. */
export function applyCommand(): Command {
  return new Command('apply')
    .description(
      'make tables, their targets and flows what a YAML file declares, all of it or nothing, and print the commands that it stands for; a section that is not in the file stays as it is',
    )
    .argument('<file>', 'YAML or JSON; - for standard input')
    .option('--dry-run', 'print what would be changed')
    .option('--watch', 'go on, and apply the file again when it changes, until SIGTERM or SIGINT')
    .action(run) as Command;
}

async function run(file: string, { dryRun = false, watch = false }: ApplyOptions): Promise<void> {
  const { parseConfiguration, readConfigurationText } = await import('@nfqlb/configuration');
  if (!watch) return apply(parseConfiguration(await readConfigurationText(file), file), dryRun);
  if (file === '-') throw new UsageError('invalid-value', 'standard input cannot be watched', { argument: 'file', value: file });
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  await watchFile(
    file,
    (text) => apply(parseConfiguration(text, file), dryRun),
    (problem) => process.stderr.write(`nfqlb apply: ${problem}\n`),
    stop.signal,
  );
}
