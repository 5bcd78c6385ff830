import { MAX_BUCKETS, primeBelow } from '@nfqlb/core/maglev';
import { Command, wholeNumber } from '@nfqlb/options';

export function primebelowCommand(): Command {
  return new Command('primebelow')
    .description('print the largest prime up to a number')
    .argument('<n>', 'the number', wholeNumber({ min: 2, max: MAX_BUCKETS }))
    .examples(['nfqlb primebelow 1000', '997, which init makes of --M=1000'])
    .action((n: number) => console.log(primeBelow(n))) as Command;
}
