import { Command, decimalSeconds, UsageError, wholeNumber } from '@nfqlb/options';
import { type TopOptions, top } from '../top/top.js';

export function topCommand(): Command {
  return new Command('top')
    .description(
      'show what running load balancers do, live: packets/s by target and flow, queues, drops, fragments. Lines when it is piped',
    )
    .option('--interval <seconds>', 'from one figure to the next', interval, 1)
    .option('--queue <n>', 'of several load balancers the one that listens to this queue', wholeNumber({ max: 65_535 }))
    .option('--count <n>', 'end after so many', wholeNumber({ min: 1 }))
    .action(({ interval: seconds, queue, count }: { interval: number; queue?: number; count?: number }) => {
      const options: TopOptions = { interval: seconds, queue, count };
      return top(options);
    }) as Command;
}

function interval(text: string): number {
  const seconds = decimalSeconds(text);
  if (seconds < 0.2 || seconds > 3600) throw new UsageError('invalid-value', 'must be from 0.2 to 3600 seconds');
  return seconds;
}
