import { Command, decimalSeconds, UsageError, wholeNumber } from '@nfqlb/options';
import { type TopOptions, top } from '../top/top.js';

export function topCommand(): Command {
  return new Command('top')
    .description(
      'show what running load balancers do, live: packets/s by target and flow, queues, drops, fragments; prints lines when piped',
    )
    .option('--interval <seconds>', 'time between updates', interval, 1)
    .option('--queue <n>', 'select the load balancer that listens to this queue', wholeNumber({ max: 65_535 }))
    .option('--count <n>', 'end after this many updates', wholeNumber({ min: 1, max: 1_000_000_000 }))
    .option('--json', 'print JSON instead, a line for each load balancer and update', false)
    .examples(['nfqlb top', 'a screen that changes every second; q ends it'], ['nfqlb top --count=1 --json', 'once, for a program'])
    .action(({ interval: seconds, queue, count, json }: { interval: number; queue?: number; count?: number; json: boolean }) => {
      const options: TopOptions = { interval: seconds, queue, count, json };
      return top(options);
    }) as Command;
}

function interval(text: string): number {
  const seconds = decimalSeconds(text);
  if (seconds < 0.2 || seconds > 3600) throw new UsageError('invalid-value', 'must be from 0.2 to 3600 seconds');
  return seconds;
}
