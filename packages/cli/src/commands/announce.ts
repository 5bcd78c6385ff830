import { Argument, Command, oneOf, wholeNumber } from '@nfqlb/options';
import { announce } from '../announce/announce.js';

/** `nfqlb announce`: whether routers are to send packets here. */
export function announceCommand(): Command {
  return new Command('announce')
    .description(
      'show which VIPs `nfqlb run` announces, through a BGP speaker on this machine; drain: withdraw all of them, while packets are balanced as before; resume: announce them again',
    )
    .addArgument(new Argument('[order]', 'drain or resume').argParser(oneOf('drain', 'resume')))
    .option('--queue <n>', 'select the load balancer whose first queue this is', wholeNumber({ max: 65_535 }))
    .option('--json', 'as JSON')
    .examples(
      ['nfqlb announce drain', 'before maintenance: routers send packets to other load balancers'],
      ['nfqlb announce', 'which VIPs are announced'],
    )
    .action((order: 'drain' | 'resume' | undefined, options: { queue?: number; json?: true }) => announce(order, options)) as Command;
}
