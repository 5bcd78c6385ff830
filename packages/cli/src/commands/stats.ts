import { setTimeout as sleep } from 'node:timers/promises';
import { readFragmentStatistics } from '@nfqlb/daemon/fragments';
import { Command } from '@nfqlb/options';

/** How often `--watch` prints, in milliseconds. */
const INTERVAL = 1000;

/** Moves to the upper left corner, and empties the screen from there on. */
const CLEAR = '\x1b[H\x1b[J';

export function statsCommand(): Command {
  return new Command('stats')
    .description("print the statistics of a load-balancer's fragment table as JSON")
    .option('--ft_shm <name>', 'where a load-balancer keeps them', 'ftshm')
    .option('--watch', 'print them anew each second, until ^C', false)
    .action(async ({ ft_shm, watch }: { ft_shm: string; watch: boolean }) => {
      const print = (before: string): void => console.log(before + JSON.stringify(readFragmentStatistics(ft_shm), undefined, 2));
      if (!watch) return print('');
      // To be ended so is what it is for.
      process.once('SIGINT', () => process.exit(0));
      const before = process.stdout.isTTY ? CLEAR : '';
      for (;;) {
        print(before);
        await sleep(INTERVAL);
      }
    }) as Command;
}
