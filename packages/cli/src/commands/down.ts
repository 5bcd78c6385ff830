import { Command } from '@nfqlb/options';
import { change, describeSetUp, planDown } from '@nfqlb/setup';

/** `nfqlb down`: takes away what `nfqlb up` set up. */
export function downCommand(): Command {
  const command = describeSetUp(new Command('down'), { required: false })
    .description(
      'take away what `nfqlb up` set up in this network namespace: all of that and nothing else. What `up` was given may be repeated, but makes no difference',
    )
    .option('--dry-run', 'print the commands instead of running them');
  return command.action((_targets: unknown, { dryRun = false }: { dryRun?: boolean }) => {
    if (!change(planDown, { dryRun }) && !dryRun) process.stdout.write('nothing was set up\n');
  }) as Command;
}
