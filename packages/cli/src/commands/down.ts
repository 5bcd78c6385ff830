import { Command } from '@nfqlb/options';
import { change, checkPlanInJson, describeSetUp, planDown, planInJson, programsHere } from '@nfqlb/setup';

/** `nfqlb down`: removes what `nfqlb up` set up. */
export function downCommand(): Command {
  const command = describeSetUp(new Command('down'), { required: false })
    .description(
      'remove everything that `nfqlb up` set up in this network namespace, and nothing else; arguments and options of `up` are accepted and ignored',
    )
    .option('--dry-run', 'print the commands instead of running them')
    .addOption(planInJson());
  return command
    .examples(['nfqlb down', 'takes away all that up has set up'], ['nfqlb down --dry-run', 'only prints the commands'])
    .action((_targets: unknown, { dryRun = false, json = false }: { dryRun?: boolean; json?: boolean }) => {
      checkPlanInJson({ dryRun, json });
      if (!change(planDown, { dryRun, json }) && !dryRun) process.stdout.write('nothing was set up\n');
      for (const { interface: name } of dryRun ? [] : programsHere()) {
        process.stdout.write(`the fast path at ${name} stays: its load balancer runs, and removes it when it ends\n`);
      }
    }) as Command;
}
