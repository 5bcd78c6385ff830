import { Command, FILES, text } from '@nfqlb/options';
import { writePage } from '../report/report-page.js';

/** `nfqlb-sim page`: the page that replays captures in a browser. */
export function pageCommand(): Command {
  return (
    new Command('page').description('write a page that replays captures in a browser, without a network').argument(
      '<file>',
      'HTML; - for standard output',
      text(() => FILES),
    ) as Command
  )
    .examples(['nfqlb-sim page sim.html', 'open it in a browser, and drop a capture on it'])
    .action((file: string) => writePage(file)) as Command;
}
