import { Command } from '@nfqlb/options';
import { readFragmentStatistics } from '../daemon/fragment-statistics.js';

export function statsCommand(): Command {
  return new Command('stats')
    .description("print the statistics of a load-balancer's fragment table as JSON")
    .option('--ft_shm <name>', 'where a load-balancer keeps them', 'ftshm')
    .action(({ ft_shm }: { ft_shm: string }) => console.log(JSON.stringify(readFragmentStatistics(ft_shm), undefined, 2))) as Command;
}
