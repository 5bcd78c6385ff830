import { Command } from '@nfqlb/options';
import { examine, gatherFacts, report } from '@nfqlb/setup/doctor';

/** `nfqlb doctor`: looks for what keeps packets from being load-balanced. */
export function doctorCommand(): Command {
  const command = new Command('doctor').description(
    'check kernel, rights, forwarding, rules, queues and tables in this network namespace, and say what to do; exit status 1 when there is a problem',
  );
  return command.action(async () => {
    const findings = examine(await gatherFacts());
    process.stdout.write(report(findings));
    if (findings.some(({ status }) => status === 'problem')) process.exitCode = 1;
  }) as Command;
}
