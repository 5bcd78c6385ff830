import { setTimeout as sleep } from 'node:timers/promises';
import { readFragmentStatistics } from '@nfqlb/daemon/fragments';
import { Command } from '@nfqlb/options';
import { askStatus, findLoadBalancers } from '@nfqlb/protocol/status';

/** How often `--watch` prints, in milliseconds. */
const INTERVAL = 1000;

/** Moves to the upper left corner, and empties the screen from there on. */
const CLEAR = '\x1b[H\x1b[J';

/** Where C nfqlb keeps them, and looks for them. */
const USUAL = 'ftshm';

export function statsCommand(): Command {
  return new Command('stats')
    .description("print the statistics of a load balancer's fragment table as JSON")
    .option(
      '--ft_shm <name>',
      `the shared memory where it keeps them. Without: the one load balancer of this network namespace is asked, or ${USUAL} is read`,
    )
    .option('--watch', 'print them each second, until ^C', false)
    .action(async ({ ft_shm, watch }: { ft_shm?: string; watch: boolean }) => {
      const print = async (before: string): Promise<void> => console.log(before + JSON.stringify(await statistics(ft_shm), undefined, 2));
      if (!watch) return print('');
      // To be ended so is what it is for.
      process.once('SIGINT', () => process.exit(0));
      const before = process.stdout.isTTY ? CLEAR : '';
      for (;;) {
        await print(before);
        await sleep(INTERVAL);
      }
    }) as Command;
}

/** In shared memory of the usual name may be those of another container's load balancer. */
async function statistics(name: string | undefined): Promise<Readonly<Record<string, number>>> {
  const [queue, ...others] = name === undefined ? findLoadBalancers() : [];
  if (queue !== undefined && others.length === 0) return (await askStatus(queue)).fragments;
  return readFragmentStatistics(name ?? USUAL);
}
