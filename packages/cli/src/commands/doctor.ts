import { Command } from '@nfqlb/options';
import { examine, gatherFacts, report } from '@nfqlb/setup/doctor';

/** `nfqlb doctor`: looks for what keeps packets from being load-balanced. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('check kernel, rights, forwarding, rules, queues and tables in this network namespace, and say what to do')
    .option(
      '--json',
      'as JSON: an array of checks with status (ok, warning or problem), check, text and, where something is to be done, remedy',
    );
  return command
    .examples(['nfqlb doctor', 'a line for each check; what to do follows the arrow'], ['nfqlb doctor --json', 'the same for a program'])
    .exitStatus('0 with only warnings; 1 if there is a problem, or after an error, which is a line on stderr')
    .action(async ({ json }: { json?: true }) => {
      const findings = examine(await gatherFacts());
      process.stdout.write(json ? `${JSON.stringify(findings)}\n` : report(findings));
      if (findings.some(({ status }) => status === 'problem')) process.exitCode = 1;
    }) as Command;
}
