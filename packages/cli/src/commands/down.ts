import { Command } from '@nfqlb/options';
import { change, describeSetUp, planDown } from '@nfqlb/setup';

/** `nfqlb down`: removes what `nfqlb up` set up. */
export function downCommand(): Command {
  const command = describeSetUp(new Command('down'), { required: false })
    .description(
      'remove everything that `nfqlb up` set up in this network namespace, and nothing else; arguments and options of `up` are accepted and ignored',
    )
    .option('--dry-run', 'print the commands instead of running them');
  return command.action((_targets: unknown, { dryRun = false }: { dryRun?: boolean }) => {
    if (!change(planDown, { dryRun }) && !dryRun) process.stdout.write('nothing was set up\n');
  }) as Command;
}
