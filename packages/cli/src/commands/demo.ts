import { Command, Option, oneOf } from '@nfqlb/options';
import { askOverFlows, CLIENT, respond, runDemo, TARGET_HOSTS } from '@nfqlb/setup/demo';

/** `nfqlb demo`: shows the load balancer at work on this machine. */
export function demoCommand(): Command {
  const roles = [CLIENT, ...TARGET_HOSTS].map(({ name }) => name);
  const command = new Command('demo')
    .description(
      'run a client, a load balancer and three targets in network namespaces, and take a target out and back under real traffic; takes about 8 seconds, needs root, leaves nothing behind',
    )
    // For the processes that the demo starts in the namespaces of its hosts.
    .addOption(new Option('--role <host>', 'host to act as').argParser(oneOf(...roles)).hideHelp());
  return command
    .examples(['nfqlb demo', 'about 8 seconds, as root'])
    .exitStatus('0; 1 after an error, which is a line on stderr; 69 if it is not possible here')
    .action(async ({ role }: { role?: string }) => {
      if (role === undefined) await runDemo();
      else if (role === CLIENT.name) await askOverFlows();
      else await respond(TARGET_HOSTS.findIndex(({ name }) => name === role) + 1);
    }) as Command;
}
